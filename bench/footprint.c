/*
 * What a board pays for Shoal, measured from inside; used by bench/footprint.sh. One figure set a line.
 *
 *   footprint hub ENDPOINT               a hub until its standard input ends; prints where it listens
 *   footprint node ENDPOINT CACHE WISH   a node until it has joined: time since $FOOTPRINT_START (ns), resident set
 */
#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <shoal/shoal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "status_kb.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static double joined_ms = -1;
enum { kPatience = 60 }; /* seconds; slow boards measure their devices the first time */

static double ms_since_start(void) {
    const char* start = getenv("FOOTPRINT_START");
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return start == NULL ? 0 : ((double)now.tv_sec * 1e9 + (double)now.tv_nsec - strtod(start, NULL)) / 1e6;
}

static int hub(const char* endpoint) {
    shoal_hub_options options;
    shoal_hub* own = NULL;
    memset(&options, 0, sizeof options);
    options.struct_size = sizeof options;
    options.endpoints = &endpoint;
    options.endpoint_count = 1;
    if (shoal_start_hub(&options, &own) != SHOAL_OK) {
        fprintf(stderr, "%s\n", shoal_last_error());
        return 1;
    }
    printf("%s\n", shoal_hub_endpoint(own, 0));
    fflush(stdout);
    while (getchar() != EOF) {}
    shoal_stop_hub(own);
    return 0;
}

static void heard(void* user, const char* kind, const char* text) {
    (void)user;
    (void)text;
    if (strcmp(kind, "joined") != 0) return;
    pthread_mutex_lock(&mutex);
    joined_ms = ms_since_start();
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&mutex);
}

static int node(const char* endpoint, const char* cache, const char* wish) {
    const struct timespec settle = {3, 0}; /* links are measured meanwhile */
    struct timespec deadline;
    int late = 0;
    shoal_node_options options;
    shoal_node* own = NULL;
    memset(&options, 0, sizeof options);
    options.struct_size = sizeof options;
    options.name = "footprint";
    options.hub_endpoint = endpoint;
    options.cache_folder = cache;
    options.devices = &wish;
    options.device_count = 1;
    options.on_event = heard;
    if (shoal_start_node(&options, &own) != SHOAL_OK) {
        fprintf(stderr, "%s\n", shoal_last_error());
        return 1;
    }
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += kPatience;
    pthread_mutex_lock(&mutex);
    while (joined_ms < 0 && late == 0)
        late = pthread_cond_timedwait(&changed, &mutex, &deadline);
    pthread_mutex_unlock(&mutex);
    if (late != 0) {
        fprintf(stderr, "the node has not joined the hub at %s within %d s\n", endpoint, kPatience);
        shoal_stop_node(own);
        return 1;
    }
    nanosleep(&settle, NULL); /* idle, as it will be until a model comes */
    printf("rss_kb %ld anon_kb %ld joined_ms %.1f\n", status_kb("VmRSS"), status_kb("RssAnon"), joined_ms);
    shoal_stop_node(own);
    return 0;
}

int main(int argc, char** argv) {
    if (argc == 3 && strcmp(argv[1], "hub") == 0) return hub(argv[2]);
    if (argc == 5 && strcmp(argv[1], "node") == 0) return node(argv[2], argv[3], argv[4]);
    fprintf(stderr, "footprint hub ENDPOINT | node ENDPOINT CACHE WISH\n");
    return 2;
}
