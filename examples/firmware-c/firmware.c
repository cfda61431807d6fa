/*
 * Firmware with a main loop of its own, in C99: every period it reads a sensor and submits the frame to the cluster,
 * and beside that its board works for the cluster. The loop never waits for the network: a thread of its own looks for
 * the hub, frames have deadlines, at most kOpen are on their way, and one more is dropped. The hub may be absent, go
 * and come back at any time. On SIGTERM or SIGINT everything ends in good order, within kStopSeconds or by the alarm
 * clock.
 *
 *   firmware MODEL --hub HOST:PORT [--name BOARD] [--key NAME --hub-key FILE] [--device D] [--kernels DIR]
 *            [--memory BYTES] [--cache DIR] [--period MS] [--deadline MS] [--frames N]
 *
 * Threads: the main loop; one that connects and ends when it has; Shoal's own, which call frame_done and node_event.
 */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <pthread.h>
#include <shoal/shoal.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    kOpen = 8,               /* frames on their way */
    kOpen_ms = 3000,         /* for deploying the model, without progress */
    kConnectPause_ms = 1000, /* between one look for the hub and the next; Shoal gives each five seconds */
    kNap_ms = 50,            /* the longest sleep: a signal just before it is seen behind it */
    kStopSeconds = 8,        /* three of them for a device that hangs */
    kReport_ms = 1000,
    kMostRank = 12
};

typedef struct settings {
    const char *model, *hub, *name, *key, *hub_key, *device, *kernels, *cache;
    uint64_t memory;
    long period_ms, deadline_ms, frames; /* frames 0: until a signal */
} settings;

/* What Shoal's threads tell the loop. */
typedef struct tally {
    pthread_mutex_t mutex;
    unsigned long answered, late, failed;
    int open, last_best;
    char last_error[200];
} tally;

typedef enum uplink_state { kLooking, kConnected, kUnusable } uplink_state;

typedef struct uplink {
    const settings* own;
    pthread_t thread; /* makes all below, until the state is another */
    pthread_mutex_t mutex;
    uplink_state state;
    shoal_place* place;
    shoal_model* model;
    /* The frame: the model's first input. */
    char input_name[100];
    int64_t shape[kMostRank];
    float* pixels;
    size_t count;
    shoal_tensor frame;
} uplink;

static volatile sig_atomic_t stop_signal;
static shoal_cancellation* everything; /* that waits */

/* The clock begins here: whatever the program is at may take long. */
static void on_signal(int number) {
    if (stop_signal == 0) alarm(kStopSeconds); /* a second signal gives no more time */
    stop_signal = number;
    shoal_cancel(everything);
}

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Until `at` or a signal. */
static void sleep_until(int64_t at) {
    int64_t left = at - now_ms();
    for (; left > 0 && stop_signal == 0; left = at - now_ms()) {
        struct timespec pause = {0, 0};
        pause.tv_nsec = (long)(left < kNap_ms ? left : kNap_ms) * 1000000L;
        (void)nanosleep(&pause, NULL);
    }
}

static void say(const char* what, const char* text) {
    printf("firmware: %s %s\n", what, text);
    fflush(stdout);
}

static long whole_number(const char* flag, const char* text) {
    char* end = NULL;
    long value = 0;
    errno = 0;
    value = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < 0) {
        fprintf(stderr, "firmware: %s: '%s' is no whole number\n", flag, text);
        exit(2);
    }
    return value;
}

static settings read_settings(int argc, char** argv) {
    settings out = {NULL, NULL, "firmware", NULL, NULL, "best", NULL, NULL, 0, 100, 1000, 0};
    int i = 0;
    FILE* model = NULL;
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        fprintf(argc < 2 ? stderr : stdout,
                "usage: firmware MODEL --hub HOST:PORT [--name BOARD] [--key NAME --hub-key FILE] [--device D]\n"
                "                [--kernels DIR] [--memory BYTES] [--cache DIR] [--period MS] [--deadline MS]\n"
                "                [--frames N]\n");
        exit(argc < 2 ? 2 : 0);
    }
    out.model = argv[1];
    model = fopen(out.model, "rb"); /* here, rather than when a hub has been found */
    if (model == NULL) {
        fprintf(stderr, "firmware: cannot open '%s': %s\n", out.model, strerror(errno));
        exit(2);
    }
    fclose(model);
    for (i = 2; i + 1 < argc; i += 2) {
        const char *flag = argv[i], *value = argv[i + 1];
        if (strcmp(flag, "--hub") == 0)
            out.hub = value;
        else if (strcmp(flag, "--name") == 0)
            out.name = value;
        else if (strcmp(flag, "--key") == 0)
            out.key = value;
        else if (strcmp(flag, "--hub-key") == 0)
            out.hub_key = value;
        else if (strcmp(flag, "--device") == 0)
            out.device = value;
        else if (strcmp(flag, "--kernels") == 0)
            out.kernels = value;
        else if (strcmp(flag, "--cache") == 0)
            out.cache = value;
        else if (strcmp(flag, "--memory") == 0)
            out.memory = (uint64_t)whole_number(flag, value);
        else if (strcmp(flag, "--period") == 0)
            out.period_ms = whole_number(flag, value);
        else if (strcmp(flag, "--deadline") == 0)
            out.deadline_ms = whole_number(flag, value);
        else if (strcmp(flag, "--frames") == 0)
            out.frames = whole_number(flag, value);
        else
            break;
    }
    if (i != argc || out.hub == NULL) {
        fprintf(stderr, "firmware: %s\n", i != argc ? "unknown flag, or one without its value" : "--hub is missing");
        exit(2);
    }
    return out;
}

/* The place in `endpoint` that Shoal wants: "tcp://HOST:PORT". */
static void write_endpoint(char* to, size_t room, const char* hub) {
    snprintf(to, room, "tcp://%s", hub);
}

/* On a thread of the node's. */
static void node_event(void* user, const char* kind, const char* text) {
    (void)user;
    printf("firmware: node %s: %s\n", kind, text);
    fflush(stdout);
}

static shoal_node* start_node(const settings* own) {
    char endpoint[300];
    shoal_node* node = NULL;
    shoal_node_options options;
    memset(&options, 0, sizeof options);
    options.struct_size = sizeof options;
    write_endpoint(endpoint, sizeof endpoint, own->hub);
    options.name = own->name;
    options.hub_endpoint = endpoint;
    options.key_file = own->key;
    options.hub_key_file = own->hub_key;
    options.memory_limit_bytes = own->memory;
    options.cache_folder = own->cache;
    options.devices = &own->device;
    options.device_count = 1;
    options.kernel_folder = own->kernels;
    options.on_event = node_event;
    options.cancellation = everything;
    if (shoal_start_node(&options, &node) != SHOAL_OK) {
        if (stop_signal != 0) exit(0);
        fprintf(stderr, "firmware: the node does not start: %s\n", shoal_last_error());
        exit(1);
    }
    return node;
}

static shoal_status connect_hub(uplink* up) {
    char endpoint[300];
    shoal_connect_options options;
    memset(&options, 0, sizeof options);
    options.struct_size = sizeof options;
    write_endpoint(endpoint, sizeof endpoint, up->own->hub);
    options.endpoint = endpoint;
    options.key_file = up->own->key;
    options.hub_key_file = up->own->hub_key;
    options.name = up->own->name;
    options.cancellation = everything;
    options.open_timeout_ms = kOpen_ms;
    options.max_in_flight = kOpen;
    return shoal_connect(&options, &up->place);
}

/* The model, and a frame as its first input wants it; sizes that it leaves open are 1. 0 when the file is not what the
 * firmware was built for. */
static int load_model(uplink* up) {
    shoal_model_options options;
    shoal_value input;
    int32_t axis = 0;
    memset(&options, 0, sizeof options);
    options.struct_size = sizeof options;
    options.in_flight = kOpen;
    memset(&input, 0, sizeof input);
    input.struct_size = sizeof input;
    if (shoal_load_model(up->own->model, up->place, &options, &up->model) != SHOAL_OK ||
        shoal_model_input(up->model, 0, &input) != SHOAL_OK) {
        fprintf(stderr, "firmware: %s\n", shoal_last_error());
        return 0;
    }
    if (input.element != SHOAL_F32 || input.rank < 0 || input.rank > kMostRank) {
        fprintf(stderr, "firmware: the model's first input is no f32 of known rank\n");
        return 0;
    }
    snprintf(up->input_name, sizeof up->input_name, "%s", input.name);
    up->count = 1;
    for (axis = 0; axis < input.rank; ++axis) {
        up->shape[axis] = input.shape[axis] > 0 ? input.shape[axis] : 1;
        up->count *= (size_t)up->shape[axis];
    }
    up->pixels = calloc(up->count, sizeof *up->pixels);
    if (up->pixels == NULL) {
        fprintf(stderr, "firmware: no memory for a frame\n");
        return 0;
    }
    up->frame.element = SHOAL_F32;
    up->frame.rank = input.rank;
    up->frame.shape = up->shape;
    up->frame.data = up->pixels;
    up->frame.bytes = up->count * sizeof *up->pixels;
    return 1;
}

/* The thread that looks for the hub until it is found first; a hub that is lost later Shoal looks for by itself. */
static void* make_uplink(void* user) {
    uplink* up = user;
    uplink_state state = kLooking;
    int said = 0;
    while (stop_signal == 0 && connect_hub(up) != SHOAL_OK) {
        if (!said && stop_signal == 0) say("no hub yet:", shoal_last_error());
        said = 1;
        sleep_until(now_ms() + kConnectPause_ms);
    }
    if (up->place != NULL) state = load_model(up) ? kConnected : kUnusable;
    if (state == kConnected) say("connected to hub", shoal_place_name(up->place));
    pthread_mutex_lock(&up->mutex);
    up->state = state;
    pthread_mutex_unlock(&up->mutex);
    return NULL;
}

static uplink_state state_of(uplink* up) {
    uplink_state out;
    pthread_mutex_lock(&up->mutex);
    out = up->state;
    pthread_mutex_unlock(&up->mutex);
    return out;
}

/* Where the sensor's driver would be: a bar that wanders over the picture. */
static void read_sensor(uplink* up, unsigned long number) {
    const size_t width = up->frame.rank > 0 ? (size_t)up->shape[up->frame.rank - 1] : 1;
    size_t i = 0;
    for (i = 0; i < up->count; ++i)
        up->pixels[i] = i % width == number % width ? 1.0F : 0.0F;
}

/* On a thread of the model's. */
static void frame_done(void* user, shoal_status status, const char* error, shoal_results* results) {
    tally* own = user;
    shoal_tensor scores;
    pthread_mutex_lock(&own->mutex);
    --own->open;
    if (status == SHOAL_OK && shoal_results_get(results, 0, NULL, &scores) == SHOAL_OK && scores.element == SHOAL_F32) {
        size_t i = 0;
        float best = 0, at = 0;
        ++own->answered;
        for (i = 0; i < scores.bytes / sizeof best; ++i) {
            memcpy(&at, (const char*)scores.data + i * sizeof at, sizeof at);
            if (i == 0 || at > best) {
                best = at;
                own->last_best = (int)i;
            }
        }
    } else if (status == SHOAL_TIMEOUT) {
        ++own->late;
    } else {
        ++own->failed;
    }
    if (status != SHOAL_OK) snprintf(own->last_error, sizeof own->last_error, "%s", error);
    pthread_mutex_unlock(&own->mutex);
    shoal_results_release(results);
}

/* 1 when the frame is on its way. */
static int submit_frame(uplink* up, const settings* own, tally* seen) {
    shoal_run_options options;
    shoal_input input;
    int room = 0;
    pthread_mutex_lock(&seen->mutex);
    room = seen->open < kOpen;
    if (room) ++seen->open;
    pthread_mutex_unlock(&seen->mutex);
    if (!room) return 0;
    memset(&options, 0, sizeof options);
    options.struct_size = sizeof options;
    options.timeout_ms = own->deadline_ms;
    options.cancellation = everything;
    options.tell_busy = 1;
    input.name = up->input_name;
    input.tensor = up->frame;
    if (shoal_submit(up->model, &input, 1, &options, frame_done, seen) == SHOAL_OK) return 1;
    pthread_mutex_lock(&seen->mutex);
    --seen->open;
    pthread_mutex_unlock(&seen->mutex);
    return 0;
}

static void report(tally* seen, const shoal_node* node, unsigned long frames, unsigned long dropped) {
    shoal_node_state state;
    char error[sizeof seen->last_error];
    memset(&state, 0, sizeof state);
    state.struct_size = sizeof state;
    (void)shoal_node_get_state(node, &state);
    pthread_mutex_lock(&seen->mutex);
    printf(
        "firmware: frames %lu, answered %lu (last: class %d), late %lu, failed %lu, dropped %lu; node %s, %llu runs\n",
        frames, seen->answered, seen->last_best, seen->late, seen->failed, dropped, state.joined ? "joined" : "alone",
        (unsigned long long)state.runs);
    memcpy(error, seen->last_error, sizeof error);
    seen->last_error[0] = '\0';
    pthread_mutex_unlock(&seen->mutex);
    fflush(stdout);
    if (error[0] != '\0') say("last error:", error);
}

/* Returns the exit status. */
static int main_loop(const settings* own, uplink* up, tally* seen, const shoal_node* node) {
    unsigned long frames = 0, dropped = 0;
    int64_t next = now_ms(), next_report = next + kReport_ms;
    uplink_state state = kLooking;
    while (stop_signal == 0 && state != kUnusable && (own->frames == 0 || frames < (unsigned long)own->frames)) {
        state = state_of(up);
        if (state == kConnected) {
            read_sensor(up, frames);
            ++frames;
            if (!submit_frame(up, own, seen)) ++dropped;
        }
        if (now_ms() >= next_report) {
            report(seen, node, frames, dropped);
            next_report = now_ms() + kReport_ms;
        }
        next += own->period_ms;
        if (next < now_ms()) next = now_ms(); /* frames that could not be read are not made up for */
        sleep_until(next);
    }
    report(seen, node, frames, dropped);
    return state == kUnusable ? 1 : 0;
}

int main(int argc, char** argv) {
    const settings own = read_settings(argc, argv);
    struct sigaction action;
    tally seen;
    uplink up;
    shoal_node* node = NULL;
    int64_t began = 0;
    int status = 0;

    memset(&seen, 0, sizeof seen);
    memset(&up, 0, sizeof up);
    up.own = &own;
    pthread_mutex_init(&seen.mutex, NULL);
    pthread_mutex_init(&up.mutex, NULL);
    if (shoal_cancellation_new(&everything) != SHOAL_OK) return 1;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal; /* without SA_RESTART: the sleep ends too */
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    node = start_node(&own);
    say("node", "started");
    if (pthread_create(&up.thread, NULL, make_uplink, &up) != 0) {
        fprintf(stderr, "firmware: no thread can be started\n");
        return 1;
    }

    status = main_loop(&own, &up, &seen, node);

    began = now_ms();
    if (stop_signal == 0) alarm(kStopSeconds);
    shoal_cancel(everything);
    pthread_join(up.thread, NULL);
    shoal_model_release(up.model); /* frame_done has been called for every frame when it returns */
    shoal_place_release(up.place);
    shoal_stop_node(node);
    alarm(0);
    signal(SIGTERM, SIG_IGN); /* the handler uses what goes now */
    signal(SIGINT, SIG_IGN);
    shoal_cancellation_release(everything);
    free(up.pixels);
    pthread_mutex_destroy(&seen.mutex);
    pthread_mutex_destroy(&up.mutex);
    printf("firmware: stopped in %lld ms\n", (long long)(now_ms() - began));
    return status;
}
