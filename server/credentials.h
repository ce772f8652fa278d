/* The server's key and certificate: its own, made in the data folder on the first start, or those
 * that the operator names. The main thread's. */
#ifndef SERVER_CREDENTIALS_H
#define SERVER_CREDENTIALS_H

#include "key_file.h"
#include "tls.h"

/* `certificate` and `key` are the operator's files, or both NULL: those of the data folder, which
 * are made if there are none. NULL with the problem. */
struct tls *credentials_open(const char *folder, const char *certificate, const char *key,
                             struct link_problem *problem);

/* The same, but for those that are there already. */
struct tls *credentials_open_again(const char *folder, const char *certificate, const char *key,
                                   struct link_problem *problem);

/* What an operator reads out to those who come for the first time. */
void credentials_fingerprint(const struct tls *tls, char text[KEY_FINGERPRINT_SIZE]);

#endif
