#include "metrics_server.h"
#include "options.h"

#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { METRICS_CONNECTIONS = 8, METRICS_SECONDS = 5 };

struct metrics_server {
    const struct metrics *metrics;
    struct MHD_Daemon *daemon;
};

int metrics_server_bind(const char *address, struct link_problem *problem) {
    const char *colon = strrchr(address, ':');
    bool bracketed = address[0] == '[' && colon != NULL && colon > address && colon[-1] == ']';
    size_t size = colon == NULL ? 0 : (size_t)(colon - address) - (bracketed ? 2 : 0);
    char *host = strndup(address + bracketed, size);
    int descriptor = -1;
    long port;
    if (host != NULL && size > 0 && options_number(colon + 1, 0, 65535, &port))
        descriptor = link_bind(host, colon + 1, problem);
    else
        snprintf(problem->text, sizeof problem->text,
                 "--metrics takes HOST:PORT, as 127.0.0.1:9100 or [::1]:9100, not '%s'", address);
    free(host);
    return descriptor;
}

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, char *text,
                              size_t size) {
    struct MHD_Response *response =
        MHD_create_response_from_buffer(size, text, MHD_RESPMEM_MUST_COPY);
    if (response == NULL)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
                            "text/plain; version=0.0.4; charset=utf-8");
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result serve(void *context, struct MHD_Connection *connection, const char *path,
                             const char *method, const char *version, const char *body,
                             size_t *body_size, void **state) {
    static char elsewhere[] = "It is at /metrics.\n";
    const struct metrics_server *server = context;
    struct buffer text = {0};
    (void)version;
    (void)body;
    (void)state;
    if (*body_size > 0 ||
        (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0))
        return MHD_NO;
    if (strcmp(path, "/metrics") != 0)
        return answer(connection, MHD_HTTP_NOT_FOUND, elsewhere, sizeof elsewhere - 1);
    metrics_write(server->metrics, &text);
    enum MHD_Result result =
        text.failed ? MHD_NO : answer(connection, MHD_HTTP_OK, (char *)text.data, text.size);
    buffer_free(&text);
    return result;
}

struct metrics_server *metrics_server_start(const struct metrics *metrics, int descriptor,
                                            struct link_problem *problem) {
    struct metrics_server *server = calloc(1, sizeof *server);
    if (server == NULL || !link_listen(descriptor, problem)) {
        free(server);
        return NULL;
    }
    server->metrics = metrics;
    server->daemon = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | MHD_USE_ITC, 0, NULL, NULL, serve, server,
        MHD_OPTION_LISTEN_SOCKET, descriptor, MHD_OPTION_CONNECTION_LIMIT, METRICS_CONNECTIONS,
        MHD_OPTION_CONNECTION_TIMEOUT, METRICS_SECONDS, MHD_OPTION_END);
    if (server->daemon != NULL)
        return server;
    snprintf(problem->text, sizeof problem->text, "cannot serve metrics: no thread to be had");
    free(server);
    return NULL;
}

void metrics_server_stop(struct metrics_server *server) {
    if (server == NULL)
        return;
    MHD_stop_daemon(server->daemon);
    free(server);
}
