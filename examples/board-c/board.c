/*
 * A board of a cluster in C99, with nothing of the library but the node: it needs neither the hub nor the importer, so
 * no protobuf (SHOAL_BUILD_HUB=OFF, SHOAL_BUILD_IMPORTER=OFF). What `shoal node` does, for systems where every KiB
 * counts.
 *
 *   board --hub HOST:PORT [--name BOARD] [--key NAME --hub-key FILE] [--listen HOST:PORT] [--device D] [--threads N]
 *         [--memory BYTES] [--cache DIR] [--kernels DIR] [--patience SECONDS]
 *
 * Ends on SIGTERM or SIGINT, in good order.
 */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <shoal/shoal.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { kStopSeconds = 8 /* three of them for a device that hangs */ };

/* On a thread of the node's. */
static void node_event(void* user, const char* kind, const char* text) {
    (void)user;
    printf("%s: %s\n", kind, text);
    fflush(stdout);
}

static uint64_t whole_number(const char* flag, const char* text) {
    char* end = NULL;
    unsigned long long value = 0;
    errno = 0;
    value = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || *text == '-') {
        fprintf(stderr, "board: %s: '%s' is no whole number\n", flag, text);
        exit(2);
    }
    return value;
}

/* 0 when there is no such flag. */
static int read_flag(shoal_node_options* own, const char** device, char* listen, size_t room, const char* flag,
                     const char* value) {
    if (strcmp(flag, "--hub") == 0)
        own->hub_endpoint = value;
    else if (strcmp(flag, "--name") == 0)
        own->name = value;
    else if (strcmp(flag, "--key") == 0)
        own->key_file = value;
    else if (strcmp(flag, "--hub-key") == 0)
        own->hub_key_file = value;
    else if (strcmp(flag, "--device") == 0)
        *device = value;
    else if (strcmp(flag, "--cache") == 0)
        own->cache_folder = value;
    else if (strcmp(flag, "--kernels") == 0)
        own->kernel_folder = value;
    else if (strcmp(flag, "--threads") == 0)
        own->threads = (int32_t)whole_number(flag, value);
    else if (strcmp(flag, "--memory") == 0)
        own->memory_limit_bytes = whole_number(flag, value);
    else if (strcmp(flag, "--patience") == 0)
        own->driver_timeout_ms = (int64_t)whole_number(flag, value) * 1000;
    else if (strcmp(flag, "--listen") == 0) {
        snprintf(listen, room, "tcp://%s", value);
        own->data_endpoint = listen;
    } else
        return 0;
    return 1;
}

int main(int argc, char** argv) {
    shoal_node_options options;
    shoal_node_state state;
    shoal_node* node = NULL;
    const char* device = "best";
    char listen[300];
    sigset_t signals;
    int i = 0, number = 0;

    memset(&options, 0, sizeof options);
    options.struct_size = sizeof options;
    options.name = "board";
    options.devices = &device;
    options.device_count = 1;
    options.on_event = node_event;
    for (i = 1; i + 1 < argc; i += 2) {
        if (!read_flag(&options, &device, listen, sizeof listen, argv[i], argv[i + 1])) break;
    }
    if (i != argc || options.hub_endpoint == NULL) {
        fprintf(stderr, "board: %s\nusage: board --hub HOST:PORT [--name BOARD] [--key NAME --hub-key FILE] ...\n",
                i != argc ? "unknown flag, or one without its value" : "--hub is missing");
        return 2;
    }

    /* Before there are threads: they inherit it, and sigwait below is the only one that hears of the end. */
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    if (shoal_start_node(&options, &node) != SHOAL_OK) {
        fprintf(stderr, "board: %s\n", shoal_last_error());
        return 1;
    }
    sigwait(&signals, &number);
    memset(&state, 0, sizeof state);
    state.struct_size = sizeof state;
    if (shoal_node_get_state(node, &state) == SHOAL_OK)
        printf("memory peak %llu bytes, %llu runs\n", (unsigned long long)state.memory_peak_bytes,
               (unsigned long long)state.runs);
    alarm(kStopSeconds);
    shoal_stop_node(node);
    return 0;
}
