#include "cli/signals.hpp"

#include <signal.h>
#include <unistd.h>

#include <atomic>

#include "base/error.hpp"

namespace shoal::cli {
namespace {

std::atomic<int> received{0};
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler writes it");
std::atomic<const runtime::Cancellation*> to_cancel{nullptr};

void on_signal(int number) {
    if (received.exchange(number) != 0) ::_exit(128 + number);
    if (const auto* cancel = to_cancel.load()) cancel->cancel();  // one store to a lock-free flag
}

}  // namespace

const runtime::Cancellation& cancellation() {
    static const runtime::Cancellation instance;
    return instance;
}

void catch_signals() {
    to_cancel.store(&cancellation());
    struct sigaction action {};
    action.sa_handler = on_signal;
    sigemptyset(&action.sa_mask);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
        struct sigaction before {};
        // A shell that started us in the background, or nohup, ignores some of them on purpose.
        if (::sigaction(number, nullptr, &before) == 0 && before.sa_handler == SIG_IGN) continue;
        ::sigaction(number, &action, nullptr);
    }
    ::signal(SIGPIPE, SIG_IGN);
}

int signal_received() noexcept {
    return received.load();
}

void check_signals() {
    if (signal_received() != 0) base::fail(base::Code::cancelled, "interrupted");
}

}  // namespace shoal::cli
