/* The two things an operator does with a data folder beside serving it. Both may run while a server
 * uses the folder. */
#ifndef SERVER_BACKUP_H
#define SERVER_BACKUP_H

/* Reads the whole log and says on stdout whether it is sound. The exit status: 0 when it is. */
int backup_check(const char *folder);

/* Makes a consistent copy of the log as one new file: complete and checked, or not there at all.
 * Put in place of log.db it is a log again. The exit status. */
int backup_make(const char *folder, const char *file);

#endif
