/* The server's log for people and tools: one logfmt line a record on stderr, printable whatever the
 * values hold. Any thread; a line is one write. */
#ifndef SERVER_REPORT_H
#define SERVER_REPORT_H

enum report_level { REPORT_INFO, REPORT_WARNING, REPORT_ERROR };

/* report(REPORT_INFO, "joined", "nick", nick, "room", room, NULL): pairs of key and value, then
 * NULL. */
void report(enum report_level level, const char *event, ...) __attribute__((sentinel));

#endif
