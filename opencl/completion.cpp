#include "opencl/completion.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "opencl/status.hpp"

namespace shoal::opencl {
namespace {

using base::Code;
using base::fail;

// Tells a waiting thread that an event is done; owned by the driver's callback and by the waiter.
struct Completion {
    std::mutex mutex;
    std::condition_variable changed;
    bool done = false;
    cl_int status = CL_COMPLETE;
    Kept kept;  // of the callback alone
};

void CL_CALLBACK on_complete(cl_event, cl_int status, void* user) {
    const std::unique_ptr<std::shared_ptr<Completion>> completion(static_cast<std::shared_ptr<Completion>*>(user));
    Completion& own = **completion;
    own.kept.clear();  // before the waiter goes on: after it, this thread would be the last owner of all
    {
        const std::lock_guard lock(own.mutex);
        own.done = true;
        own.status = status;
    }
    own.changed.notify_all();
}

}  // namespace

cl_int status_of(cl_event event) noexcept {
    cl_int out = CL_QUEUED;
    (void)clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof out, &out, nullptr);
    return out;
}

void wait_for(cl_command_queue queue, cl_event event, cl_event cause, const runtime::RunOptions& options, Kept kept,
              const std::string& what) {
    const auto completion = std::make_shared<Completion>();
    completion->kept = std::move(kept);
    auto user = std::make_unique<std::shared_ptr<Completion>>(completion);
    try {
        check(clSetEventCallback(event, CL_COMPLETE, on_complete, user.get()), "clSetEventCallback");
        (void)user.release();  // the callback's now
        check(clFlush(queue), "clFlush");
    } catch (...) {
        clFinish(queue);  // nobody would keep what it uses
        throw;
    }
    std::unique_lock lock(completion->mutex);
    while (!completion->done) {
        const auto now = base::SteadyClock::now();
        if (options.cancellation.cancelled()) fail(Code::cancelled, what, " was cancelled");
        if (options.deadline && now >= *options.deadline) fail(Code::timeout, what, " did not end in time");
        completion->changed.wait_until(lock, std::min(now + kLook, options.deadline.value_or(now + kLook)));
    }
    const cl_int first = cause == nullptr ? CL_COMPLETE : status_of(cause);
    if (first < 0) check(first, "execution", what);
    if (completion->status < 0) check(completion->status, "execution", what);
}

}  // namespace shoal::opencl
