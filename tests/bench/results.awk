# What a race has measured: a line a run, "RECEIVERS PUBLISHERS KIND NUMBER<tab>SERVER<tab>what load prints, and the
# mean batch of ours". A run that failed has no figures.
BEGIN {
    FS = "\t"
    server_count = split(names, server, " ")
}
{
    if (!($1 in known)) {
        known[$1] = 1
        scenario[++scenario_count] = $1
    }
    run[$1, $2, ++runs[$1, $2]] = $3
}

# The median of a field of all runs; "" without any.
function median(what, name, field,    i, j, k, value, list, part) {
    k = 0
    for (i = 1; i <= runs[what, name]; i++) {
        split(run[what, name, i], part, " ")
        if (part[field] == "")
            continue
        value = part[field] + 0
        for (j = k++; j > 0 && list[j] > value; j--)
            list[j + 1] = list[j]
        list[j + 1] = value
    }
    return k ? list[int((k + 1) / 2)] : ""
}

function total(name, field,    what, i, part, sum) {
    for (what in known)
        for (i = 1; i <= runs[what, name]; i++) {
            split(run[what, name, i], part, " ")
            sum += part[field]
        }
    return sum + 0
}

# "100 receivers, 8 publishers, 64 in flight"
function say(what,    part) {
    split(what, part, " ")
    return part[1] " receivers, " (part[3] == "window" \
        ? part[2] (part[2] > 1 ? " publishers, " : " publisher, ") part[4] " in flight" \
        : part[4] " messages a second")
}

function is_kind(what, kind) {
    return index(what, " " kind " ") > 0
}
