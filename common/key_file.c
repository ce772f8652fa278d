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
#include <sys/stat.h>
#include <unistd.h>

/* Crockford's: no letter is taken for a digit or another letter when it is read out. */
static const char fingerprint_alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

enum { FINGERPRINT_GROUP = 4, FINGERPRINT_BITS = 5, FINGERPRINT_CHARACTERS = 52 };

static EVP_PKEY *key_problem(struct link_problem *problem, const char *path, const char *what,
                             const char *cure) {
    snprintf(problem->text, sizeof problem->text, "the key %s %s%s", path, what, cure);
    return NULL;
}

/* What is wrong with a key's file, and what to do; NULL when nothing is. */
static const char *key_file_fault(const struct stat *status, bool own) {
    if (!S_ISREG(status->st_mode))
        return "is not a file; move it away";
    if (own && status->st_uid != geteuid())
        return "belongs to somebody else; move it away, or chown it";
    if (own && (status->st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return "can be read by others; chmod 600 it if nobody has, else move it away";
    if ((status->st_mode & S_IRWXO) != 0)
        return "can be read by everybody; chmod o= it";
    return NULL;
}

static EVP_PKEY *key_read(int file, const char *path, bool own, struct link_problem *problem) {
    struct stat status;
    const char *fault = fstat(file, &status) == 0 ? key_file_fault(&status, own) : strerror(errno);
    FILE *stream = fault == NULL ? fdopen(file, "r") : NULL;
    if (stream == NULL) {
        close(file);
        return key_problem(problem, path, fault != NULL ? fault : strerror(errno), "");
    }
    char buffer[BUFSIZ];
    setvbuf(stream, buffer, _IOFBF, sizeof buffer);
    EVP_PKEY *key = PEM_read_PrivateKey(stream, NULL, NULL, (void *)(uintptr_t) "");
    fclose(stream);
    OPENSSL_cleanse(buffer, sizeof buffer);
    return key != NULL ? key : key_problem(problem, path, "is not a private key in PEM", "");
}

EVP_PKEY *key_file_read(const char *path, struct link_problem *problem) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return key_problem(problem, path, "cannot be read: ", strerror(errno));
    return key_read(file, path, false, problem);
}

/* Writes the key into a new file, and on disk. */
static bool key_write(const char *path, EVP_PKEY *key) {
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    FILE *stream = file >= 0 ? fdopen(file, "w") : NULL;
    if (stream == NULL)
        return false;
    char buffer[BUFSIZ];
    setvbuf(stream, buffer, _IOFBF, sizeof buffer);
    bool written = fchmod(file, 0600) == 0 &&
                   PEM_write_PKCS8PrivateKey(stream, key, NULL, NULL, 0, NULL, NULL) == 1 &&
                   fflush(stream) == 0 && fsync(file) == 0;
    int reason = errno;
    fclose(stream);
    OPENSSL_cleanse(buffer, sizeof buffer);
    errno = reason;
    return written;
}

/* Gives a whole new key its name, unless another process was first. */
static bool key_install(const char *path, EVP_PKEY *key) {
    char *fresh = NULL;
    if (asprintf(&fresh, "%s.%ld", path, (long)getpid()) < 0)
        return false;
    unlink(fresh);
    bool installed = key_write(fresh, key) && (link(fresh, path) == 0 || errno == EEXIST);
    int reason = errno;
    unlink(fresh);
    free(fresh);
    errno = reason;
    return installed;
}

static bool key_make(const char *path) {
    const char *slash = strrchr(path, '/');
    char *folder = slash != NULL ? strndup(path, (size_t)(slash - path)) : NULL;
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    errno = key != NULL ? 0 : ENOMEM;
    bool made =
        key != NULL && (folder == NULL || path_make_folders(folder)) && key_install(path, key);
    int reason = errno;
    if (made)
        path_sync_folder_of(path);
    EVP_PKEY_free(key);
    free(folder);
    errno = reason;
    return made;
}

EVP_PKEY *key_file_open(const char *path, struct link_problem *problem) {
    const int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW;
    int file = open(path, flags);
    if (file < 0 && errno == ENOENT) {
        if (!key_make(path))
            return key_problem(problem, path, "cannot be made: ", strerror(errno));
        file = open(path, flags);
    }
    if (file < 0 && errno == ELOOP)
        return key_problem(problem, path, "is a symbolic link; put the file itself there", "");
    if (file < 0)
        return key_problem(problem, path, "cannot be read: ", strerror(errno));
    return key_read(file, path, true, problem);
}

X509 *key_certificate(EVP_PKEY *key, const char *name) {
    X509 *certificate = X509_new();
    X509_NAME *subject = certificate != NULL ? X509_get_subject_name(certificate) : NULL;
    bool made =
        subject != NULL && X509_set_version(certificate, X509_VERSION_3) &&
        ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) &&
        ASN1_TIME_set_string_X509(X509_getm_notBefore(certificate), "20000101000000Z") &&
        /* RFC 5280's word for "no end" */
        ASN1_TIME_set_string_X509(X509_getm_notAfter(certificate), "99991231235959Z") &&
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1,
                                   -1, 0) &&
        X509_set_issuer_name(certificate, subject) && X509_set_pubkey(certificate, key) &&
        X509_sign(certificate, key, EVP_PKEY_is_a(key, "ED25519") ? NULL : EVP_sha256()) > 0;
    if (made)
        return certificate;
    X509_free(certificate);
    return NULL;
}

static bool key_hash_encoded(unsigned char *encoded, int size, uint8_t hash[LINK_KEY_BYTES]) {
    bool hashed = size > 0 && EVP_Digest(encoded, (size_t)size, hash, NULL, EVP_sha256(), NULL);
    OPENSSL_free(encoded);
    return hashed;
}

bool key_hash(EVP_PKEY *key, uint8_t hash[LINK_KEY_BYTES]) {
    unsigned char *encoded = NULL;
    int size = i2d_PUBKEY(key, &encoded);
    return key_hash_encoded(encoded, size, hash);
}

bool key_hash_of(const X509 *certificate, uint8_t hash[LINK_KEY_BYTES]) {
    unsigned char *encoded = NULL;
    int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &encoded);
    return key_hash_encoded(encoded, size, hash);
}

/* The five bits of the hash from `bit` on; those behind its end are zero. */
static unsigned fingerprint_bits(const uint8_t hash[LINK_KEY_BYTES], unsigned bit) {
    unsigned value = 0;
    for (unsigned i = bit; i < bit + FINGERPRINT_BITS; i++)
        value = value << 1 |
                (i / 8 < LINK_KEY_BYTES ? (unsigned)(hash[i / 8] >> (7 - i % 8)) & 1u : 0u);
    return value;
}

void key_fingerprint(const uint8_t hash[LINK_KEY_BYTES], char text[KEY_FINGERPRINT_SIZE]) {
    for (unsigned i = 0; i < FINGERPRINT_CHARACTERS; i++) {
        if (i > 0 && i % FINGERPRINT_GROUP == 0)
            *text++ = '-';
        *text++ = fingerprint_alphabet[fingerprint_bits(hash, i * FINGERPRINT_BITS)];
    }
    *text = '\0';
}

bool key_fingerprint_read(const char *text, uint8_t hash[LINK_KEY_BYTES]) {
    char again[KEY_FINGERPRINT_SIZE];
    unsigned bit = 0;
    memset(hash, 0, LINK_KEY_BYTES);
    for (const char *at = text; *at != '\0'; at++) {
        char upper = *at >= 'a' && *at <= 'z' ? (char)(*at - 'a' + 'A') : *at;
        const char *found = upper != '-' ? strchr(fingerprint_alphabet, upper) : NULL;
        if (upper == '-')
            continue;
        if (found == NULL || bit >= FINGERPRINT_CHARACTERS * FINGERPRINT_BITS)
            return false;
        for (int i = FINGERPRINT_BITS - 1; i >= 0; i--, bit++)
            if (bit / 8 < LINK_KEY_BYTES && ((found - fingerprint_alphabet) >> i & 1) != 0)
                hash[bit / 8] |= (uint8_t)(0x80u >> bit % 8);
    }
    key_fingerprint(hash, again);
    return bit == FINGERPRINT_CHARACTERS * FINGERPRINT_BITS && strcasecmp(again, text) == 0;
}
