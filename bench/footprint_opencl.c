/*
 * What OpenCL alone takes of a board: a process with a context and a queue on the first device. Beside it stands what
 * bench/footprint.c measures of a node.
 */
#define CL_TARGET_OPENCL_VERSION 120

#include <CL/cl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "status_kb.h"

int main(void) {
    cl_platform_id platform = NULL;
    cl_device_id device = NULL;
    cl_int status = CL_SUCCESS;
    cl_context context = NULL;
    if (clGetPlatformIDs(1, &platform, NULL) != CL_SUCCESS ||
        clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &device, NULL) != CL_SUCCESS)
        return 1;
    context = clCreateContext(NULL, 1, &device, NULL, NULL, &status);
    if (context == NULL || clCreateCommandQueue(context, device, 0, &status) == NULL) return 1;
    printf("rss_kb %ld anon_kb %ld\n", status_kb("VmRSS"), status_kb("RssAnon"));
    return 0;
}
