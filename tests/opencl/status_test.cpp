#include "opencl/status.hpp"

#include <doctest/doctest.h>

using namespace shoal;

namespace {

std::string message_of(cl_int status, base::Code code) {
    try {
        opencl::check(status, "clEnqueueNDRangeKernel", "kernel ", "add", " on ", 3);
    } catch (const base::Error& error) {
        CHECK(error.code() == code);
        return error.what();
    }
    return "nothing thrown";
}

}  // namespace

TEST_CASE("a failing call is named with its status and its place") {
    CHECK(message_of(-54, base::Code::device) ==
          "clEnqueueNDRangeKernel: CL_INVALID_WORK_GROUP_SIZE (-54), kernel add on 3");
    CHECK(message_of(-9999, base::Code::device) == "clEnqueueNDRangeKernel: unknown status (-9999), kernel add on 3");
    CHECK_THROWS_WITH(opencl::check(-30, "clFinish"), "clFinish: CL_INVALID_VALUE (-30)");
    CHECK_NOTHROW(opencl::check(CL_SUCCESS, "clFinish"));
}

TEST_CASE("a failed allocation is out of memory") {
    CHECK(message_of(-4, base::Code::out_of_memory).find("CL_MEM_OBJECT_ALLOCATION_FAILURE") != std::string::npos);
    CHECK(message_of(-6, base::Code::out_of_memory).find("CL_OUT_OF_HOST_MEMORY") != std::string::npos);
    CHECK(message_of(-5, base::Code::device).find("CL_OUT_OF_RESOURCES") != std::string::npos);
}

TEST_CASE("the names are those of cl.h") {
    CHECK(opencl::status_name(CL_SUCCESS) == "CL_SUCCESS");
    CHECK(opencl::status_name(CL_DEVICE_PARTITION_FAILED) == "CL_DEVICE_PARTITION_FAILED");
    CHECK(opencl::status_name(CL_INVALID_KERNEL_ARGS) == "CL_INVALID_KERNEL_ARGS");
    CHECK(opencl::status_name(CL_INVALID_DEVICE_PARTITION_COUNT) == "CL_INVALID_DEVICE_PARTITION_COUNT");
    CHECK(opencl::status_name(-20) == "unknown status");
}
