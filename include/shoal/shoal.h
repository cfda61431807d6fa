/*
 * Shoal's C interface: run one neural network on a device of this machine or across a cluster of boards, and be a board
 * or the hub of such a cluster.
 *
 * Conventions, which hold for every function unless it says otherwise:
 *  - Handles (shoal_place, shoal_model, ...) are opaque pointers that a function gives through its last argument and
 * that the function named *_release or shoal_stop_* takes back; NULL is ignored there. A handle keeps alive what it was
 * made from: releasing a place does not disturb the models that were loaded for it.
 *  - What can fail returns a shoal_status: SHOAL_OK, or a code. The words for it, which name what failed and what to
 * do, are in shoal_last_error() of the same thread. Outputs are untouched when a call fails.
 *  - Any function may be called from any thread, at the same time and on the same handles; but a handle must not be
 *    released while another call uses it. No function but shoal_cancel is to be called from a signal handler. What is no
 *    handle of the kind, or was released, is SHOAL_INVALID_ARGUMENT where memory still shows it; do not rely on it.
 *  - Texts are UTF-8 and end with 0. Texts and arrays that a function gives belong to the handle that they came from
 * and are valid until it is released; those that it is given are only read during the call.
 *  - Structures that begin with `struct_size` want sizeof the structure there before the call, given and filled ones
 *    alike; they grow at their end only. Of options, what is 0 or NULL is the default, and what an older caller does
 * not have counts as 0; a field that is set and that this library is too old to know is SHOAL_UNSUPPORTED. A structure
 *    that is filled is filled as far as it reaches, and what an older library does not know becomes 0. shoal_tensor and
 *    shoal_input stand in arrays and inside others: they never change.
 *  - Every call that waits has a deadline, its own or a default that stands beside it, and what may wait long takes a
 *    shoal_cancellation with which another thread ends it.
 *  - Sizes and shapes count elements unless their name says bytes; times are milliseconds.
 *  - Nothing prints, exits or throws through this interface.
 *
 * shoal.hpp is the same for C++, with handles that release themselves and exceptions.
 */
#ifndef SHOAL_SHOAL_H
#define SHOAL_SHOAL_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define SHOAL_API __attribute__((visibility("default")))
#else
#define SHOAL_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* --- Versions and errors ---------------------------------------------------------------------------------------------
 */

/* Rises when a program must be compiled again; additions do not raise it. */
#define SHOAL_ABI 1

/* The library's version, e.g. "0.1.0". Never fails; valid for ever. */
SHOAL_API const char* shoal_version(void);
/* SHOAL_ABI of the library that runs, to compare with the one that was compiled against. */
SHOAL_API uint32_t shoal_abi(void);

/* Numbers never change. Below 20 it is the caller's or the data's fault, and repeating the call does not help. */
typedef int32_t shoal_status;
enum {
    SHOAL_OK = 0,
    SHOAL_INVALID_ARGUMENT = 1, /* a value or name that makes no sense here */
    SHOAL_INVALID_MODEL = 2,    /* the model file is damaged or contradicts itself */
    SHOAL_UNSUPPORTED = 3,      /* well formed, but not something that Shoal (or this device) does */
    SHOAL_NOT_FOUND = 4,        /* a file, device or tensor of that name does not exist */
    SHOAL_DOES_NOT_FIT = 5,     /* no plan fits the memory that the devices have */
    SHOAL_REFUSED = 6,          /* a key, version or limit of the other side says no */
    SHOAL_IO = 20,              /* reading or writing a file failed */
    SHOAL_DEVICE = 21,          /* an OpenCL device or its driver failed */
    SHOAL_NETWORK = 22,         /* a peer cannot be reached or broke the protocol */
    SHOAL_TIMEOUT = 23,         /* the deadline passed */
    SHOAL_CANCELLED = 24,       /* the caller took the request back */
    SHOAL_BUSY = 25,            /* a bounded queue is full; try again later */
    SHOAL_UNAVAILABLE = 26,     /* nothing is left that could do it */
    SHOAL_OUT_OF_MEMORY = 27,
    SHOAL_INTERNAL = 40 /* a bug in Shoal */
};

/* The code in words, e.g. "invalid model"; "unknown" for a number that is none. Valid for ever. */
SHOAL_API const char* shoal_status_name(shoal_status status);
/* What the last call of this thread that failed says; "" before any did. Valid until the next call of this thread. */
SHOAL_API const char* shoal_last_error(void);

typedef int32_t shoal_log_level;
enum { SHOAL_DEBUG = 0, SHOAL_INFO = 1, SHOAL_WARNING = 2, SHOAL_ERROR = 3 };
/* Receives one line. `room` is the part of the library that speaks. Called from any thread, one call at a time; must
 * not call Shoal. */
typedef void (*shoal_log_function)(void* user, shoal_log_level level, const char* room, const char* message);
/* Where the library's messages go from now on, in the whole process, from `least` upwards; NULL: nowhere (the default).
 * When it returns, the function given before is not called any more. */
SHOAL_API void shoal_set_log(shoal_log_function function, void* user, shoal_log_level least);

/* --- Cancellation ----------------------------------------------------------------------------------------------------
 */

/* Lets another thread end calls. */
typedef struct shoal_cancellation shoal_cancellation;
SHOAL_API shoal_status shoal_cancellation_new(shoal_cancellation** cancellation);
/* Every call that was given it ends with SHOAL_CANCELLED, soon; also those that begin later. May be called from a signal
 * handler. */
SHOAL_API void shoal_cancel(shoal_cancellation* cancellation);
/* Calls that were given it go on. */
SHOAL_API void shoal_cancellation_release(shoal_cancellation* cancellation);

/* --- Tensors ---------------------------------------------------------------------------------------------------------
 */

/* Numbers never change. */
typedef int32_t shoal_element;
enum {
    SHOAL_UNKNOWN = 0, /* of inputs and outputs whose type the model does not declare */
    SHOAL_F32 = 1,
    SHOAL_F16 = 2,  /* IEEE 754 binary16 */
    SHOAL_BF16 = 3, /* the upper half of a binary32 */
    SHOAL_F64 = 4,
    SHOAL_I8 = 5,
    SHOAL_U8 = 6,
    SHOAL_I16 = 7,
    SHOAL_U16 = 8,
    SHOAL_I32 = 9,
    SHOAL_U32 = 10,
    SHOAL_I64 = 11,
    SHOAL_U64 = 12,
    SHOAL_BOOL = 13, /* one byte, 0 or 1 */
    SHOAL_I4 = 14,   /* nibbles, two to a byte, the even element in the low half */
    SHOAL_U4 = 15
};

/* "f32"; "?" for a number that is none. */
SHOAL_API const char* shoal_element_name(shoal_element element);
/* Bytes that `count` elements take; 0 for a type that is none. */
SHOAL_API size_t shoal_element_bytes(shoal_element element, size_t count);

/* A view of a tensor: contiguous, outermost extent first, little-endian. */
typedef struct shoal_tensor {
    shoal_element element;
    int32_t rank;         /* 0: a scalar; at most 12 */
    const int64_t* shape; /* `rank` extents */
    const void* data;     /* need not be aligned */
    size_t bytes;         /* must be what element and shape take */
} shoal_tensor;

/* A tensor and the name of the input that it is for. */
typedef struct shoal_input {
    const char* name;
    shoal_tensor tensor;
} shoal_input;

/* --- Where models run ------------------------------------------------------------------------------------------------
 */

typedef int32_t shoal_device_kind;
enum { SHOAL_CPU = 1, SHOAL_GPU = 2, SHOAL_ACCELERATOR = 3, SHOAL_CUSTOM = 4, SHOAL_HOST = 5 };

typedef struct shoal_device {
    size_t struct_size;
    const char* id; /* what shoal_open_device takes as a wish, e.g. "0.0" */
    const char* name;
    const char* vendor;
    const char* driver;
    shoal_device_kind kind;
    int32_t compute_units;
    uint64_t usable_bytes; /* memory that a model may rely on */
} shoal_device;

typedef struct shoal_devices shoal_devices;
typedef struct shoal_find_options {
    size_t struct_size;
    int64_t driver_timeout_ms; /* with each driver that is tried; 0: 10000 */
} shoal_find_options;

/* Looks for OpenCL devices; takes up to seconds the first time, while drivers are tried. `options` may be NULL. None is
 * no error. */
SHOAL_API shoal_status shoal_find_devices(const shoal_find_options* options, shoal_devices** devices);
SHOAL_API size_t shoal_devices_count(const shoal_devices* devices);
/* Fails with SHOAL_INVALID_ARGUMENT when there is no such index. */
SHOAL_API shoal_status shoal_devices_get(const shoal_devices* devices, size_t index, shoal_device* device);
/* Why drivers were passed over, a line each; "" when none was. */
SHOAL_API const char* shoal_devices_problems(const shoal_devices* devices);
SHOAL_API void shoal_devices_release(shoal_devices* devices);

/* Where models run: a device of this machine, several that share, or a cluster behind a hub. */
typedef struct shoal_place shoal_place;

typedef struct shoal_device_options {
    size_t struct_size;
    const char* wish; /* a device's id or a part of its name, "cpu", "gpu", "accelerator", "best" (also NULL), or
                         "host": plain loops that need no OpenCL and are slow */
    int32_t threads;  /* use at most so many compute units; 0: all */
    const char* kernel_folder; /* of binaries that `shoal kernels build` made; then nothing is compiled; may be NULL */
    int64_t driver_timeout_ms; /* with each driver that is tried; 0: 10000 */
} shoal_device_options;

/* A device of this machine. `options` may be NULL: the best one. Fails with SHOAL_NOT_FOUND, SHOAL_UNAVAILABLE (no
 * device at all), SHOAL_DEVICE, SHOAL_REFUSED (the kernel folder was made for another device or driver). */
SHOAL_API shoal_status shoal_open_device(const shoal_device_options* options, shoal_place** place);

typedef struct shoal_share_options {
    size_t struct_size;
    const char* const* devices; /* wishes as shoal_open_device takes them, "all": every OpenCL device, or WISH/N: a
                                   device in N equal parts, e.g. "cpu/2" */
    size_t device_count;        /* 0: all */
    int32_t threads;            /* of each device; 0: all */
    uint64_t memory_limit_bytes; /* of all together, for weights, activations and messages; 0: what they can use */
    const char* cache_folder;    /* for weights and measured times; made when missing; NULL: in the user's cache */
    int64_t driver_timeout_ms;   /* with each driver that is tried; 0: 10000 */
    shoal_cancellation* cancellation; /* ends the measuring; may be NULL */
} shoal_share_options;

/* Several devices of this machine that share each model's work by what they were measured to be worth: a CPU and a GPU,
 * or a CPU in parts. A device that only computes on another's cores is left out, with a warning to shoal_set_log.
 * `options` may be NULL: all devices. Fails as shoal_open_device does, with SHOAL_INVALID_ARGUMENT when two wishes name
 * one device, SHOAL_TIMEOUT, SHOAL_CANCELLED, SHOAL_IO (the cache), SHOAL_UNSUPPORTED in a library without the hub. */
SHOAL_API shoal_status shoal_share_devices(const shoal_share_options* options, shoal_place** place);

typedef int32_t shoal_objective;
enum { SHOAL_LATENCY = 1, SHOAL_THROUGHPUT = 2 };

typedef struct shoal_connect_options {
    size_t struct_size;
    const char* endpoint;             /* of the hub: HOST, HOST:PORT or tcp://HOST:PORT; 7070 unless said */
    const char* key_file;             /* NAME.key of this client; NULL: plaintext, on this machine only */
    const char* hub_key_file;         /* NAME.pub of the hub; needed with keys */
    const char* name;                 /* how the hub's status calls this client; NULL: "client" */
    int64_t connect_timeout_ms;       /* 0: 5000 */
    int64_t open_timeout_ms;          /* without progress in sending, measuring, planning or deploying; 0: 120000 */
    int64_t run_timeout_ms;           /* of runs without a deadline; 0: 120000 */
    shoal_objective objective;        /* 0: latency */
    uint32_t max_in_flight;           /* of each model: requests that the hub has at a time; others wait here; 0: any */
    shoal_cancellation* cancellation; /* ends the connecting; may be NULL */
} shoal_connect_options;

/* A cluster. When the hub is lost later, it is looked for again, models are opened again, and requests repeated, until
 * their deadlines. Fails with SHOAL_TIMEOUT (no hub there), SHOAL_REFUSED (it does not let us in), SHOAL_CANCELLED. */
SHOAL_API shoal_status shoal_connect(const shoal_connect_options* options, shoal_place** place);

typedef struct shoal_hub_state {
    size_t struct_size;
    size_t boards; /* that are ready */
    size_t clients;
    size_t models; /* that are open */
    uint64_t answered, failed;
} shoal_hub_state;

/* How the cluster behind a place is. `timeout_ms` 0: 2000. Fails with SHOAL_UNSUPPORTED (a device of this machine) and
 * SHOAL_TIMEOUT (no answer; it may come back). */
SHOAL_API shoal_status shoal_place_get_hub_state(const shoal_place* place, int64_t timeout_ms, shoal_hub_state* state);
/* The name of the device, of the hub, or of the devices that share, with commas. */
SHOAL_API const char* shoal_place_name(const shoal_place* place);
SHOAL_API void shoal_place_release(shoal_place* place);

/* --- Models ----------------------------------------------------------------------------------------------------------
 */

typedef struct shoal_model shoal_model;

typedef struct shoal_model_options {
    size_t struct_size;
    uint32_t in_flight; /* submitted runs that are open at a time, a thread each; 0: 8. One thread more tells those that
                           wait when their time is over: with 1, too, two may call back at once */
    uint32_t queued;    /* submitted runs that may wait behind those; 0: 256 */
} shoal_model_options;

/* An ONNX file, to run at that place. Nothing is compiled or sent before the first run or shoal_prepare. `options` may
 * be NULL. Fails with SHOAL_IO, SHOAL_NOT_FOUND, SHOAL_INVALID_MODEL, SHOAL_UNSUPPORTED (operators that are not known).
 */
SHOAL_API shoal_status shoal_load_model(const char* path, shoal_place* place, const shoal_model_options* options,
                                        shoal_model** model);
/* The same for a file's bytes, which are copied. */
SHOAL_API shoal_status shoal_load_model_bytes(const void* data, size_t bytes, shoal_place* place,
                                              const shoal_model_options* options, shoal_model** model);

/* An input or output as the model declares it. */
typedef struct shoal_value {
    size_t struct_size;
    const char* name;
    shoal_element element; /* SHOAL_UNKNOWN: not declared, or none of these types */
    int32_t rank;          /* -1: not declared */
    const int64_t* shape;  /* `rank` extents; -1 where any size may be given */
    int32_t optional;      /* 1: may be left out, because the model has a value for it */
} shoal_value;

SHOAL_API size_t shoal_model_input_count(const shoal_model* model);
SHOAL_API size_t shoal_model_output_count(const shoal_model* model);
/* Fail with SHOAL_INVALID_ARGUMENT when there is no such index. */
SHOAL_API shoal_status shoal_model_input(const shoal_model* model, size_t index, shoal_value* value);
SHOAL_API shoal_status shoal_model_output(const shoal_model* model, size_t index, shoal_value* value);
/* Takes back what is open on it, calls what was submitted with SHOAL_CANCELLED, and waits for that. Not to be called
 * from a callback of the same model. */
SHOAL_API void shoal_model_release(shoal_model* model);

/* --- Running ---------------------------------------------------------------------------------------------------------
 */

typedef struct shoal_run_options {
    size_t struct_size;
    int64_t timeout_ms;               /* from now; 0: none on a device (through a hub: its run_timeout_ms) */
    shoal_cancellation* cancellation; /* may be NULL */
    int32_t tell_busy; /* 1: SHOAL_BUSY at once when the hub is full; 0: it is asked again until the deadline */
} shoal_run_options;

/* The outputs of a run. */
typedef struct shoal_results shoal_results;
SHOAL_API size_t shoal_results_count(const shoal_results* results);
/* Output `index`, in the model's order. `name` may be NULL. Valid until the results are released. Fails with
 * SHOAL_INVALID_ARGUMENT when there is no such index. */
SHOAL_API shoal_status shoal_results_get(const shoal_results* results, size_t index, const char** name,
                                         shoal_tensor* tensor);
/* The output of that name; fails with SHOAL_NOT_FOUND. */
SHOAL_API shoal_status shoal_results_find(const shoal_results* results, const char* name, shoal_tensor* tensor);
SHOAL_API void shoal_results_release(shoal_results* results);

/* Compiles, or deploys, for inputs of these types and shapes, so that the first run need not. Data is not looked at.
 * `options` may be NULL. What a call that gave up began goes on, for the next one. */
SHOAL_API shoal_status shoal_prepare(shoal_model* model, const shoal_input* inputs, size_t count,
                                     const shoal_run_options* options);

/* Runs once and waits. Inputs are copied. `options` may be NULL. Fails with SHOAL_INVALID_ARGUMENT (unknown or missing
 * input, a type or size that contradicts the model), SHOAL_TIMEOUT, SHOAL_CANCELLED, and what preparing fails with:
 * SHOAL_OUT_OF_MEMORY, SHOAL_DOES_NOT_FIT, SHOAL_DEVICE, SHOAL_NETWORK, SHOAL_UNAVAILABLE. */
SHOAL_API shoal_status shoal_run(shoal_model* model, const shoal_input* inputs, size_t count,
                                 const shoal_run_options* options, shoal_results** results);

/* `status` and `error` as a call would have returned; `results` are the callee's to release, NULL when it failed.
 * Called once, on a thread of the model's, and should return soon. */
typedef void (*shoal_done_function)(void* user, shoal_status status, const char* error, shoal_results* results);
/* Runs without waiting; several may be open. Inputs are copied before it returns. Fails with SHOAL_BUSY when too many
 * wait, and with SHOAL_INVALID_ARGUMENT for what cannot be submitted; when it fails, `done` is not called. What goes
 * wrong later is told to `done`. */
SHOAL_API shoal_status shoal_submit(shoal_model* model, const shoal_input* inputs, size_t count,
                                    const shoal_run_options* options, shoal_done_function done, void* user);

/* --- A board of a cluster --------------------------------------------------------------------------------------------
 */

/* Something that a person would want to know. `kind` is a word such as "joined". Called on a thread of the node's or
 * hub's; must return soon and not stop it. */
typedef void (*shoal_event_function)(void* user, const char* kind, const char* text);

typedef struct shoal_node shoal_node;
typedef struct shoal_node_options {
    size_t struct_size;
    const char* name;          /* of this board in the cluster, unique there */
    const char* hub_endpoint;  /* HOST, HOST:PORT or tcp://HOST:PORT; 7070 unless said */
    const char* key_file;      /* NAME.key of this board; NULL: plaintext, on this machine only */
    const char* hub_key_file;  /* NAME.pub of the hub; needed with keys */
    const char* data_endpoint; /* where other boards reach this one; NULL: any free port, of all addresses with keys */
    uint64_t memory_limit_bytes; /* for weights, activations and messages; 0: what the devices can use */
    const char* cache_folder;    /* for weights and measured times; made when missing; NULL: in the user's cache */
    const char* const* devices;  /* wishes as shoal_share_devices takes them */
    size_t device_count;         /* 0: the best device */
    int32_t threads;             /* of each device; 0: all */
    shoal_event_function on_event;
    void* user;
    const char* kernel_folder; /* of binaries that `shoal kernels build` made; then nothing is compiled; may be NULL */
    int64_t driver_timeout_ms; /* with each driver that is tried; 0: 10000 */
    shoal_cancellation* cancellation; /* ends the starting, between one device and the next; may be NULL */
} shoal_node_options;

typedef struct shoal_node_state {
    size_t struct_size;
    int32_t joined; /* 1: a hub knows it */
    uint64_t memory_used_bytes, memory_peak_bytes, memory_limit_bytes;
    uint64_t runs, failures;
    size_t stages; /* parts of models that are deployed here */
} shoal_node_state;

/* Offers devices of this machine to a cluster and works for it, on threads of its own, until it is stopped. Returns
 * once it looks for the hub; the hub need not be there yet. The first time, drivers are tried and devices measured,
 * which takes seconds; both are remembered. Fails as shoal_open_device does, with SHOAL_IO for keys and
 * folders, SHOAL_NETWORK when the endpoint cannot be served, SHOAL_REFUSED when the kernel folder was made for another
 * device or driver, SHOAL_CANCELLED. */
SHOAL_API shoal_status shoal_start_node(const shoal_node_options* options, shoal_node** node);
SHOAL_API shoal_status shoal_node_get_state(const shoal_node* node, shoal_node_state* state);
/* Leaves the cluster in good order and releases the handle: at once, or within about three seconds when a device
 * hangs. */
SHOAL_API void shoal_stop_node(shoal_node* node);

/* --- The hub of a cluster --------------------------------------------------------------------------------------------
 */

typedef struct shoal_hub shoal_hub;
typedef struct shoal_hub_options {
    size_t struct_size;
    const char* name;             /* NULL: "hub" */
    const char* const* endpoints; /* to serve, e.g. "tcp://" "*:7070"; a port of * is any free one */
    size_t endpoint_count;
    const char* key_file;     /* NAME.key of the hub; NULL: plaintext, on this machine only */
    const char* allowed_path; /* who may connect: a NAME.pub, a folder of them, or a list; needed with keys; looked at
                                 every second: keys that come are let in, keys that go are cut off */
    const char* cache_folder; /* for models' weights; made when missing; NULL: in the user's cache */
    shoal_event_function on_event;
    void* user;
} shoal_hub_options;

/* Serves boards and clients, on threads of its own, until it is stopped. Fails with SHOAL_IO, SHOAL_NETWORK (an
 * endpoint cannot be served), SHOAL_REFUSED (plaintext beyond this machine), SHOAL_INVALID_ARGUMENT. */
SHOAL_API shoal_status shoal_start_hub(const shoal_hub_options* options, shoal_hub** hub);
/* The endpoints as they became, in the order given. */
SHOAL_API size_t shoal_hub_endpoint_count(const shoal_hub* hub);
/* NULL when there is no such index. */
SHOAL_API const char* shoal_hub_endpoint(const shoal_hub* hub, size_t index);
/* When the hub is too busy to say, within half a second, the state is the last one known. */
SHOAL_API shoal_status shoal_hub_get_state(const shoal_hub* hub, shoal_hub_state* state);
/* Says goodbye to boards and clients, ends, and releases the handle. Clients keep what is open, for a hub that comes
 * back, until its deadline. Waits for a plan that is being made and a file that is being written: at most seconds. */
SHOAL_API void shoal_stop_hub(shoal_hub* hub);

#ifdef __cplusplus
}
#endif

#endif
