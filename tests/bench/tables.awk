# The tables of a race, in Markdown. Beside results.awk.
function head(title, extra,    n) {
    printf "\n| %s |", title
    for (n = 1; n <= server_count; n++)
        printf " %s |", server[n]
    print extra
    printf "|---|"
    for (n = 1; n <= server_count + gsub(/\|/, "|", extra); n++)
        printf "--:|"
    print ""
}

function cell(value, format) {
    return value == "" ? " – |" : sprintf(" " format " |", value)
}

# A hundred messages were due and not even 95 came: it is not late, it cannot.
function is_saturated(what, name,    part) {
    split(what, part, " ")
    return median(what, name, 6) < 0.95 * part[4] * part[1] * median(what, name, 7)
}

function share(what, name, other,    a, b) {
    a = median(what, name, 9)
    b = median(what, other, 9)
    return a == "" || b == "" || b == 0 ? "" : a / b
}

function throughput(    s, n) {
    head("million deliveries a second of the server's processor time", " ours ÷ forwarder | ours ÷ InspIRCd | mean batch |")
    for (s = 1; s <= scenario_count; s++) {
        if (!is_kind(scenario[s], "window"))
            continue
        printf "| %s |", say(scenario[s])
        for (n = 1; n <= server_count; n++)
            printf "%s", cell(median(scenario[s], server[n], 9) == "" ? "" : median(scenario[s], server[n], 9) / 1e6, "%.2f")
        print cell(share(scenario[s], "ours", "forwarder") == "" ? "" : 100 * share(scenario[s], "ours", "forwarder"), "%.0f %%") \
            cell(share(scenario[s], "ours", "inspircd"), "%.1f ×") cell(median(scenario[s], "ours", 17), "%d")
    }
}

function latency(    s, n) {
    head("latency from when it was due, ms: p50 / p99 / p99.9", "")
    for (s = 1; s <= scenario_count; s++) {
        if (!is_kind(scenario[s], "rate"))
            continue
        printf "| %s |", say(scenario[s])
        for (n = 1; n <= server_count; n++)
            if (median(scenario[s], server[n], 12) == "")
                printf " – |"
            else if (is_saturated(scenario[s], server[n]))
                printf " cannot |"
            else
                printf " %.2f / %.2f / %.2f |", median(scenario[s], server[n], 12), median(scenario[s], server[n], 13), \
                    median(scenario[s], server[n], 14)
        print ""
    }
}

function processor(    s, n) {
    head("processor time of a delivery then, ns", "")
    for (s = 1; s <= scenario_count; s++) {
        if (!is_kind(scenario[s], "rate"))
            continue
        printf "| %s |", say(scenario[s])
        for (n = 1; n <= server_count; n++)
            printf "%s", cell(median(scenario[s], server[n], 9) > 0 ? 1e9 / median(scenario[s], server[n], 9) : "", "%.0f")
        print ""
    }
}

function memory(    s, n, part) {
    head("memory", "")
    for (s = 1; s <= scenario_count; s++) {
        split(scenario[s], part, " ")
        if (part[3] == "rate" || (part[3] == "window" && part[4] != 64))
            continue
        printf "| %s |", part[3] == "idle" ? "bytes of each of " part[1] " idle connections" : say(scenario[s]) ", MiB at most"
        for (n = 1; n <= server_count; n++)
            if (part[3] == "idle")
                printf "%s", cell(median(scenario[s], server[n], 16), "%d")
            else
                printf "%s", cell(median(scenario[s], server[n], 15) == "" ? "" : median(scenario[s], server[n], 15) / 1024, "%.0f")
        print ""
    }
}

END {
    throughput()
    latency()
    processor()
    memory()
    printf "\nNot delivered %d s after the end of a run, and doubled or out of order:", 20
    for (n = 1; n <= server_count; n++)
        printf " %s %d and %d%s", server[n], total(server[n], 10), total(server[n], 11), n < server_count ? "," : ".\n"
}
