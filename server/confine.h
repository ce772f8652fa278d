/* What the server gives up for good, so that a hole in it leads nowhere: files outside its own
 * (Landlock, where the kernel has it), connections of its own, and all system calls that it has no
 * use for (seccomp). A call that is not on the list ends the process. Main thread. */
#ifndef SERVER_CONFINE_H
#define SERVER_CONFINE_H

#include <stdbool.h>
#include <stddef.h>

/* From here on this thread and all that it starts reach files only in the data folder and, to read
 * them, beside the operator's `files`, of which any may be NULL or a link. Before any other thread.
 * False with a report when the kernel can do it and did not. */
bool confine_files(const char *folder, const char *const *files, size_t file_count);

/* From here on no thread of the process can do more than serve. After all threads were started.
 * False with a report when the kernel did not take the list. */
bool confine_calls(void);

#endif
