#include "credentials.h"
#include "folder.h"
#include "key_file.h"
#include "paths.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The certificate says no more than the key does; it lies there for people to look at. */
static bool credentials_leave_certificate(const char *path, X509 *certificate) {
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0)
        return errno == EEXIST;
    FILE *stream = fdopen(file, "w");
    bool written = stream != NULL && PEM_write_X509(stream, certificate) == 1;
    if (stream != NULL)
        written = fclose(stream) == 0 && written;
    else
        close(file);
    if (!written)
        unlink(path);
    return written;
}

static struct tls *credentials_of_folder(const char *folder, struct link_problem *problem) {
    char *key_path = path_join(folder, "server-key.pem");
    char *certificate_path = path_join(folder, "server-cert.pem");
    struct tls *tls = NULL;
    X509 *certificate = NULL;
    snprintf(problem->text, sizeof problem->text, "out of memory");
    EVP_PKEY *key =
        key_path != NULL && certificate_path != NULL ? key_file_open(key_path, problem) : NULL;
    if (key != NULL)
        certificate = key_certificate(key, "chat-server");
    if (certificate != NULL && !credentials_leave_certificate(certificate_path, certificate))
        snprintf(problem->text, sizeof problem->text, "cannot write %.180s: %.60s",
                 certificate_path, strerror(errno));
    else if (certificate != NULL)
        tls = tls_server(key, certificate, problem);
    X509_free(certificate);
    EVP_PKEY_free(key);
    free(certificate_path);
    free(key_path);
    return tls;
}

struct tls *credentials_open(const char *folder, const char *certificate, const char *key,
                             struct link_problem *problem) {
    return certificate != NULL ? tls_server_read(certificate, key, problem)
                               : credentials_of_folder(folder, problem);
}

struct tls *credentials_open_again(const char *folder, const char *certificate, const char *key,
                                   struct link_problem *problem) {
    char *path = certificate == NULL ? path_join(folder, "server-key.pem") : NULL;
    bool there = certificate != NULL || (path != NULL && access(path, F_OK) == 0);
    if (!there)
        snprintf(problem->text, sizeof problem->text, "there is no %.200s",
                 path != NULL ? path : "memory");
    free(path);
    return there ? credentials_open(folder, certificate, key, problem) : NULL;
}

void credentials_fingerprint(const struct tls *tls, char text[KEY_FINGERPRINT_SIZE]) {
    uint8_t hash[LINK_KEY_BYTES];
    if (tls_own_key(tls, hash))
        key_fingerprint(hash, text);
    else
        snprintf(text, KEY_FINGERPRINT_SIZE, "?");
}
