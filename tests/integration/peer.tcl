# A peer that speaks in bytes. What it was told is in told(PEER): a list of {type payload}.
proc connect {} {
    global port told rest
    set peer [socket 127.0.0.1 $port]
    fconfigure $peer -translation binary -blocking 0 -buffering none
    set told($peer) {}
    set rest($peer) ""
    return $peer
}

proc text {string} {
    return [binary format Sa* [string length $string] $string]
}

proc send_frame {peer type fields} {
    catch {puts -nonewline $peer [binary format Ica* [expr {[string length $fields] + 1}] $type $fields]}
}

proc greet {peer nick} {
    send_frame $peer 1 "[binary format IS 0x43484154 1][text $nick][binary format WI 77 0][text raw]"
    wait_until "$nick to be welcome" {[is_told $peer 2]}
}

proc listen_to {peer} {
    global told rest
    append rest($peer) [read $peer]
    while {[binary scan $rest($peer) Ic size type] == 2 && [string length $rest($peer)] >= $size + 4} {
        lappend told($peer) [list $type [string range $rest($peer) 5 $size+3]]
        set rest($peer) [string range $rest($peer) $size+4 end]
    }
    return $told($peer)
}

proc told_of {peer type} {
    return [lmap frame [listen_to $peer] {
        if {[lindex $frame 0] != $type} continue
        lindex $frame 1
    }]
}

proc is_told {peer type} {
    return [expr {[llength [told_of $peer $type]] > 0}]
}
