// PoCL dressed up as other hardware: this driver forwards to libpocl.so.2 after replacing a few functions in PoCL's own
// dispatch table. By the environment:
//   SHOAL_WRAPPER_TYPE    "accelerator", "gpu" or "custom" instead of CPU
//   SHOAL_WRAPPER_COMPILER=none   no online compiler: it is reported so, and building from source fails
//   SHOAL_WRAPPER_MEMORY  bytes that its buffers may take together, beyond which creating one fails, although the
//   driver
//                         goes on claiming SHOAL_WRAPPER_CLAIM; memory is then not shared with the host
//   SHOAL_WRAPPER_REFUSES text: building a program whose source holds it fails
//   SHOAL_WRAPPER_SHOWS=none   the host's memory cannot be shown to the device in place
//   SHOAL_WRAPPER_LANES   native lanes of f32
//   SHOAL_WRAPPER_GROUP   work-items that the compiled kernels can have in a group
#define CL_TARGET_OPENCL_VERSION 120
#define CL_USE_DEPRECATED_OPENCL_1_1_APIS
#include <CL/cl.h>
#include <CL/cl_icd.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef cl_int(CL_API_CALL* GetPlatforms)(cl_uint, cl_platform_id*, cl_uint*);

static void* pocl;
static cl_icd_dispatch original;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static uint64_t memory_used;

static uint64_t number(const char* name, uint64_t otherwise) {
    const char* text = getenv(name);
    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

static int without_compiler(void) {
    const char* text = getenv("SHOAL_WRAPPER_COMPILER");
    return text != NULL && strcmp(text, "none") == 0;
}

static cl_device_type type_or(cl_device_type otherwise) {
    const char* text = getenv("SHOAL_WRAPPER_TYPE");
    if (text == NULL) return otherwise;
    if (strcmp(text, "gpu") == 0) return CL_DEVICE_TYPE_GPU;
    if (strcmp(text, "custom") == 0) return CL_DEVICE_TYPE_CUSTOM;
    return CL_DEVICE_TYPE_ACCELERATOR;
}

static cl_int CL_API_CALL get_device_info(cl_device_id device, cl_device_info what, size_t room, void* to,
                                          size_t* size) {
    const cl_int status = original.clGetDeviceInfo(device, what, room, to, size);
    if (status != CL_SUCCESS || to == NULL) return status;
    const uint64_t memory = number("SHOAL_WRAPPER_MEMORY", 0);
    if (what == CL_DEVICE_TYPE) *(cl_device_type*)to = type_or(*(cl_device_type*)to);
    if (what == CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT)
        *(cl_uint*)to = (cl_uint)number("SHOAL_WRAPPER_LANES", *(cl_uint*)to);
    if (what == CL_DEVICE_COMPILER_AVAILABLE && without_compiler()) *(cl_bool*)to = CL_FALSE;
    if (what == CL_DEVICE_LINKER_AVAILABLE && without_compiler()) *(cl_bool*)to = CL_FALSE;
    if (what == CL_DEVICE_HOST_UNIFIED_MEMORY && memory != 0) *(cl_bool*)to = CL_FALSE;
    if (what == CL_DEVICE_GLOBAL_MEM_SIZE && memory != 0) *(cl_ulong*)to = number("SHOAL_WRAPPER_CLAIM", 2 * memory);
    return status;
}

// Custom devices are not among CL_DEVICE_TYPE_ALL.
static cl_int CL_API_CALL get_device_ids(cl_platform_id platform, cl_device_type type, cl_uint room, cl_device_id* to,
                                         cl_uint* count) {
    const cl_device_type ours = type_or(CL_DEVICE_TYPE_CPU);
    const int wanted = type == CL_DEVICE_TYPE_ALL ? ours != CL_DEVICE_TYPE_CUSTOM : (type & ours) != 0;
    if (wanted) return original.clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, room, to, count);
    if (count != NULL) *count = 0;
    return CL_DEVICE_NOT_FOUND;
}

static int refuses(cl_program program, size_t size) {
    const char* text = getenv("SHOAL_WRAPPER_REFUSES");
    if (text == NULL || size == 0) return 0;
    char* source = malloc(size);
    const int read = source != NULL && original.clGetProgramInfo(program, CL_PROGRAM_SOURCE, size, source, NULL) == 0;
    const int out = read && strstr(source, text) != NULL;
    free(source);
    return out;
}

static cl_int CL_API_CALL work_group_info(cl_kernel kernel, cl_device_id device, cl_kernel_work_group_info what,
                                          size_t room, void* to, size_t* size) {
    const cl_int status = original.clGetKernelWorkGroupInfo(kernel, device, what, room, to, size);
    if (status == CL_SUCCESS && to != NULL && what == CL_KERNEL_WORK_GROUP_SIZE)
        *(size_t*)to = (size_t)number("SHOAL_WRAPPER_GROUP", *(size_t*)to);
    return status;
}

static cl_int CL_API_CALL build_program(cl_program program, cl_uint count, const cl_device_id* devices,
                                        const char* options, void(CL_CALLBACK* notify)(cl_program, void*), void* data) {
    size_t source = 0;
    original.clGetProgramInfo(program, CL_PROGRAM_SOURCE, 0, NULL, &source);
    if (without_compiler() && source > 1) return CL_COMPILER_NOT_AVAILABLE;
    if (refuses(program, source)) return CL_BUILD_PROGRAM_FAILURE;
    return original.clBuildProgram(program, count, devices, options, notify, data);
}

static cl_int CL_API_CALL compile_program(cl_program program, cl_uint count, const cl_device_id* devices,
                                          const char* options, cl_uint headers, const cl_program* header_programs,
                                          const char** names, void(CL_CALLBACK* notify)(cl_program, void*),
                                          void* data) {
    if (without_compiler()) return CL_COMPILER_NOT_AVAILABLE;
    return original.clCompileProgram(program, count, devices, options, headers, header_programs, names, notify, data);
}

static void CL_CALLBACK buffer_goes(cl_mem memory, void* size) {
    (void)memory;
    pthread_mutex_lock(&mutex);
    memory_used -= (uintptr_t)size;
    pthread_mutex_unlock(&mutex);
}

static cl_mem CL_API_CALL create_buffer(cl_context context, cl_mem_flags flags, size_t size, void* host,
                                        cl_int* status) {
    const uint64_t limit = number("SHOAL_WRAPPER_MEMORY", 0);
    const char* shows = getenv("SHOAL_WRAPPER_SHOWS");
    if (shows != NULL && strcmp(shows, "none") == 0 && (flags & CL_MEM_USE_HOST_PTR) != 0) {
        if (status != NULL) *status = CL_INVALID_HOST_PTR;
        return NULL;
    }
    pthread_mutex_lock(&mutex);
    const int fits = limit == 0 || (size <= limit && memory_used <= limit - size);
    if (fits) memory_used += size;
    pthread_mutex_unlock(&mutex);
    if (!fits) {
        if (status != NULL) *status = CL_MEM_OBJECT_ALLOCATION_FAILURE;
        return NULL;
    }
    cl_mem memory = original.clCreateBuffer(context, flags, size, host, status);
    if (memory == NULL)
        buffer_goes(NULL, (void*)(uintptr_t)size);
    else
        original.clSetMemObjectDestructorCallback(memory, buffer_goes, (void*)(uintptr_t)size);
    return memory;
}

static int dress_up(cl_icd_dispatch* table) {
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    const uintptr_t start = (uintptr_t)table / page * page, end = (uintptr_t)(table + 1);
    if (mprotect((void*)start, end - start, PROT_READ | PROT_WRITE) != 0) return 0;
    original = *table;
    table->clGetDeviceInfo = get_device_info;
    table->clGetDeviceIDs = get_device_ids;
    table->clBuildProgram = build_program;
    table->clCompileProgram = compile_program;
    table->clCreateBuffer = create_buffer;
    table->clGetKernelWorkGroupInfo = work_group_info;
    return 1;
}

static void load(void) {
    pocl = dlopen("libpocl.so.2", RTLD_NOW | RTLD_LOCAL);
}

CL_API_ENTRY void* CL_API_CALL clGetExtensionFunctionAddress(const char* name);

static cl_int CL_API_CALL get_platforms(cl_uint room, cl_platform_id* platforms, cl_uint* count) {
    static int dressed = 0;
    cl_platform_id first = NULL;
    void* (*find)(const char*) = (void* (*)(const char*))dlsym(pocl, "clGetExtensionFunctionAddress");
    GetPlatforms list = (GetPlatforms)find("clIcdGetPlatformIDsKHR");
    if (list(1, &first, NULL) != CL_SUCCESS) return -1001;
    pthread_mutex_lock(&mutex);
    if (!dressed) dressed = dress_up(*(cl_icd_dispatch**)first);
    pthread_mutex_unlock(&mutex);
    if (!dressed) return -1001;
    return list(room, platforms, count);
}

CL_API_ENTRY void* CL_API_CALL clGetExtensionFunctionAddress(const char* name) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    if (pocl == NULL) return NULL;
    if (strcmp(name, "clIcdGetPlatformIDsKHR") == 0) return (void*)get_platforms;
    void* (*find)(const char*) = (void* (*)(const char*))dlsym(pocl, "clGetExtensionFunctionAddress");
    return find(name);
}

CL_API_ENTRY cl_int CL_API_CALL clGetPlatformInfo(cl_platform_id platform, cl_platform_info what, size_t room, void* to,
                                                  size_t* size) {
    return original.clGetPlatformInfo(platform, what, room, to, size);
}
