# The picture of a race, in SVG: what a second of processor time brings, a bar for each server. Beside results.awk.
BEGIN {
    BAR = 14; GAP = 18; LEFT = 300; WIDTH = 420; TOP = 56
    split("#8a8a8a #2f6fb7 #c7853d #5a9a4a #9a5fae", color, " ")
}

function rows(    s, count) {
    for (s = 1; s <= scenario_count; s++)
        count += is_kind(scenario[s], "window") && is_64(scenario[s])
    return count
}

function is_64(what,    part) {
    split(what, part, " ")
    return part[4] == 64
}

function text(x, y, anchor, what) {
    printf "<text x=\"%d\" y=\"%d\" text-anchor=\"%s\">%s</text>\n", x, y, anchor, what
}

function most(    s, n, value, result) {
    for (s = 1; s <= scenario_count; s++)
        for (n = 1; n <= server_count; n++) {
            value = is_kind(scenario[s], "window") && is_64(scenario[s]) ? median(scenario[s], server[n], 9) / 1e6 : 0
            result = value > result ? value : result
        }
    return result
}

function legend(    n) {
    for (n = 1; n <= server_count; n++) {
        printf "<rect x=\"%d\" y=\"30\" width=\"12\" height=\"12\" fill=\"%s\"/>\n", LEFT + (n - 1) * 95, color[n]
        text(LEFT + (n - 1) * 95 + 16, 41, "start", server[n])
    }
}

function bars(what, y,    n, value, long) {
    text(LEFT - 10, y + server_count * BAR / 2 + 4, "end", say(what))
    for (n = 1; n <= server_count; n++) {
        value = median(what, server[n], 9) / 1e6
        long = scale > 0 ? value / scale * WIDTH : 0
        printf "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>\n", LEFT, y + (n - 1) * BAR, long, BAR - 2, color[n]
        text(LEFT + long + 5, y + n * BAR - 4, "start", value > 0 ? sprintf("%.1f", value) : "–")
    }
}

END {
    scale = most()
    y = TOP
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"DejaVu Sans, Helvetica, sans-serif\" font-size=\"11\">\n", \
        LEFT + WIDTH + 60, TOP + rows() * (server_count * BAR + GAP)
    print "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>"
    text(10, 18, "start", "Million deliveries a second of the server's processor time (" title ")")
    legend()
    for (s = 1; s <= scenario_count; s++)
        if (is_kind(scenario[s], "window") && is_64(scenario[s])) {
            bars(scenario[s], y)
            y += server_count * BAR + GAP
        }
    print "</svg>"
}
