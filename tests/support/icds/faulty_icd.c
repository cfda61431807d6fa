// An OpenCL driver that misbehaves when it is loaded; FAULT says how. Built once per fault.
#define CL_TARGET_OPENCL_VERSION 120
#define CL_USE_DEPRECATED_OPENCL_1_1_APIS
#include <CL/cl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FAULT_HANG 1       // never answers clIcdGetPlatformIDsKHR
#define FAULT_HANG_LOAD 2  // never gets through its library's constructors
#define FAULT_CRASH 3
#define FAULT_EXIT 4       // ends the process politely
#define FAULT_ERROR 5      // no hardware: CL_PLATFORM_NOT_FOUND_KHR
#define FAULT_NO_ICD 6     // an OpenCL library without the ICD extension

static void wait_for_ever(void) {
    for (;;)
        pause();
}

#if FAULT == FAULT_HANG_LOAD
__attribute__((constructor)) static void at_load(void) {
    wait_for_ever();
}
#endif

static cl_int CL_API_CALL get_platforms(cl_uint room, cl_platform_id* platforms, cl_uint* count) {
    (void)room, (void)platforms;
    if (FAULT == FAULT_HANG) wait_for_ever();
    if (FAULT == FAULT_CRASH) abort();
    if (FAULT == FAULT_EXIT) exit(3);
    if (count != NULL) *count = 0;
    return -1001;
}

CL_API_ENTRY void* CL_API_CALL clGetExtensionFunctionAddress(const char* name) {
    if (FAULT != FAULT_NO_ICD && strcmp(name, "clIcdGetPlatformIDsKHR") == 0) return (void*)get_platforms;
    return NULL;
}

// ocl-icd wants to find this one too.
CL_API_ENTRY cl_int CL_API_CALL clGetPlatformInfo(cl_platform_id platform, cl_platform_info what, size_t room,
                                                  void* to, size_t* size) {
    (void)platform, (void)what, (void)room, (void)to, (void)size;
    return CL_INVALID_PLATFORM;
}
