# What the conversations share. A test starts servers and clients of its own, in its own folder and on free
# ports; clients live in a tmux of the test's own, so that a screen can be typed at, resized and read. Every
# wait is for a condition, with a deadline.
package require Expect
log_user 0

set folder $env(TEST_FOLDER)
set build $env(BUILD)
set tui [file normalize tests/integration/person]
set patience 20
set servers {}
set options {}
set env(XDG_STATE_HOME) $folder/state
set env(XDG_DATA_HOME) $folder/share
set env(SHELL) /bin/sh
set env(CHAT_TUI_OPTIONS) ""

proc fail {message} {
    global folder
    puts "FAILED: $message"
    foreach log [glob -nocomplain $folder/server*.log] {
        puts "--- $log"
        puts [read_file $log]
    }
    clean_up
    exit 1
}

proc pass {} {
    clean_up
    exit 0
}

proc clean_up {} {
    global servers
    catch {tmux kill-server}
    foreach pid $servers {
        catch {exec kill -9 $pid}
    }
    foreach pid $servers {
        wait_until "server $pid to end" {![process_runs $pid]}
    }
}

proc read_file {path} {
    set file [open $path r]
    fconfigure $file -translation binary
    set content [read $file]
    close $file
    return $content
}

proc write_file {path content} {
    set file [open $path w]
    fconfigure $file -translation binary
    puts -nonewline $file $content
    close $file
}

proc process_runs {pid} {
    if {[catch {read_file /proc/$pid/stat} stat]} {
        return 0
    }
    return [expr {![regexp {\) [ZX] } $stat]}]
}

# Waits until the expression, evaluated in the caller, is true.
proc wait_until {what expression {seconds 0}} {
    global patience
    if {$seconds == 0} {
        set seconds $patience
    }
    set deadline [expr {[clock milliseconds] + $seconds * 1000}]
    while {![uplevel 1 [list expr $expression]]} {
        if {[clock milliseconds] > $deadline} {
            fail "waited in vain for $what"
        }
        after 20
    }
}

# Runs a program to its end: {status stdout stderr}.
proc run {args} {
    global folder
    set status 0
    if {[catch {exec -keepnewline {*}$args 2> $folder/run.stderr} output options]} {
        set code [dict get $options -errorcode]
        if {[lindex $code 0] eq "CHILDSTATUS"} {
            set status [lindex $code 2]
        } else {
            set status $code
        }
        regsub {child process exited abnormally$} $output {} output
    }
    return [list $status $output [read_file $folder/run.stderr]]
}

# Servers without TLS, and clients that talk to them so: for what speaks in bytes of its own.
proc talk_in_plain {} {
    global env options
    lappend options --plaintext
    set env(CHAT_TUI_OPTIONS) --plaintext
}

# Servers that let everybody do as much as they like: for floods.
proc lift_limits {} {
    global options
    lappend options --limit none
}

# Starts a server on the port (0: a free one) with the test's data; sets `port` and `server`.
proc start_server {{wanted 0} {program chat-server} args} {
    global build folder servers port server options
    set number [llength $servers]
    set server [exec $build/$program --data $folder/data {*}$options {*}$args 127.0.0.1 $wanted \
        > $folder/ready$number 2> $folder/server$number.log < /dev/null &]
    lappend servers $server
    wait_until "the server to listen" {
        [regexp {^listening on .*:(\d+)\n$} [read_file $::folder/ready$number] -> ::port]
        || ![process_runs $::server]
    }
    if {![process_runs $server]} {
        fail "the server did not start"
    }
}

proc kill_server {{signal 9}} {
    global server
    exec kill -$signal $server
    wait_until "the server to end" {![process_runs $::server]}
}

write_file $folder/tmux.conf "set -g status off\nset -g remain-on-exit on\nset -g exit-empty off\n"

proc tmux {args} {
    global folder
    return [exec tmux -f $folder/tmux.conf -S $folder/tmux {*}$args]
}

# Opens a terminal with a command in it.
proc open_terminal {name columns rows command} {
    tmux new-session -d -s $name -x $columns -y $rows "exec $command"
}

# Opens a client in a terminal.
proc open_client {name {columns 100} {rows 24} args} {
    global tui port
    open_terminal $name $columns $rows "$tui --nick $name $args 127.0.0.1 $port"
}

# Goes on with the test where the folder is a disk of 4 MB, which is a mount that nobody else sees and that
# ends with the test, also where the user may not mount.
proc mount_small_disk {disk} {
    global env
    if {[info exists env(CHAT_DISK_MOUNTED)]} {
        return
    }
    file mkdir $disk
    set env(CHAT_DISK_MOUNTED) 1
    foreach way {{unshare -m} {unshare -rm}} {
        if {![catch {exec {*}$way mount -t tmpfs -o size=16m tmpfs $disk} reason]} {
            set test "mount -t tmpfs -o size=16m tmpfs $disk && exec expect -f [info script]"
            exit [catch {exec {*}$way sh -c $test >@ stdout 2>@ stderr}]
        }
    }
    puts "skipped: cannot mount a small disk: $reason"
    pass
}

# Opens a client that can be stopped: its parent is a shell, as tmux continues at once what it has begun.
proc open_stoppable_client {name nick} {
    global tui port
    open_terminal $name 100 24 "sh -c '$tui --nick $nick 127.0.0.1 $port; :'"
    wait_screen $name "$nick  online"
}

# Stops the client and returns its process, to be continued.
proc stop_client {name} {
    set pid [exec pgrep -P [tmux display-message -p -t $name "#{pane_pid}"]]
    exec kill -STOP $pid
    wait_until "$name to be stopped" {[regexp {\) T } [read_file /proc/$pid/stat]]}
    return $pid
}

proc type {name text} {
    tmux send-keys -t $name -l $text
}

proc press {name args} {
    tmux send-keys -t $name {*}$args
}

proc say {name text} {
    type $name $text
    press $name Enter
}

proc resize {name columns rows} {
    tmux resize-window -t $name -x $columns -y $rows
}

# Feeds the client's terminal bytes as they are.
proc type_bytes {name bytes} {
    set codes {}
    foreach byte [split $bytes ""] {
        lappend codes [format %02x [scan $byte %c]]
    }
    tmux send-keys -t $name -H {*}$codes
}

proc screen {name} {
    if {[catch {tmux capture-pane -p -t $name} text]} {
        return ""
    }
    return $text
}

proc screen_has {name text} {
    return [expr {[string first $text [screen $name]] >= 0}]
}

proc screen_count {name text} {
    return [regexp -all -- "***=$text" [screen $name]]
}

proc wait_screen {name text} {
    global patience
    set deadline [expr {[clock milliseconds] + $patience * 1000}]
    while {![screen_has $name $text]} {
        if {[clock milliseconds] > $deadline} {
            fail "'$text' did not come on $name's screen, which shows:\n[screen $name]"
        }
        after 20
    }
}

# Types the bytes again and again until the text is there.
proc type_until {name bytes text} {
    wait_until "'$text' on $name's screen" {[type_bytes $name $bytes] eq "" && [screen_has $name $text]}
}

proc wait_screen_without {name text} {
    global patience
    set deadline [expr {[clock milliseconds] + $patience * 1000}]
    while {[screen_has $name $text]} {
        if {[clock milliseconds] > $deadline} {
            fail "'$text' did not go from $name's screen, which shows:\n[screen $name]"
        }
        after 20
    }
}

proc row {name number} {
    return [lindex [split [screen $name] "\n"] $number]
}

proc expect_equal {what is wanted} {
    if {$is ne $wanted} {
        fail "$what is '$is' instead of '$wanted'"
    }
}

proc expect_match {what is pattern} {
    if {![regexp -- $pattern $is]} {
        fail "$what is '$is', which does not match '$pattern'"
    }
}

# How many are in the lobby, the one who asks included.
proc count_people {} {
    set answer [lindex [run $::tui --pipe --nick watcher 127.0.0.1 $::port << "/who\n"] 2]
    if {![regexp {(\d+) of \d+ members} $answer -> count]} {
        return 0
    }
    return $count
}

# A client without a screen; its lines come into the file NAME.out.
proc start_pipe {name args} {
    global tui folder port
    return [exec $tui --pipe --nick $name {*}$args 127.0.0.1 $port \
        > $folder/$name.out 2> $folder/$name.err &]
}

# Posts the lines and returns what the client printed.
proc pipe_lines {name lines args} {
    global tui port
    lassign [run $tui --pipe --nick $name {*}$args 127.0.0.1 $port << $lines] status out err
    if {$status != 0} {
        fail "the pipe of $name ended with $status: $err"
    }
    return $out
}
