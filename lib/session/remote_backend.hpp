// A cluster behind a hub as a device: compiling opens the graph there, running submits it and waits. So whatever runs
// on a Backend, a Session above all, runs on a cluster by the same calls.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "client/client.hpp"
#include "runtime/backend.hpp"

namespace shoal::session {

struct RemoteOptions {
    client::OpenOptions open{};                      ///< for every graph that is compiled
    std::chrono::milliseconds run_timeout{120'000};  ///< of runs that are given no deadline
    /// Told of every graph that was opened, on the thread that compiles it.
    std::function<void(const client::RemoteModel&)> on_open{};
};

/// Buffers stay in host memory; an Executable's runs are not serialised, so several may be in flight. Its memory() is
/// what the hub plans for it on all boards together, and its profile() throws unsupported. compile() throws what
/// Client::open throws, run() what RemoteModel::run throws.
[[nodiscard]] std::shared_ptr<runtime::Backend> make_remote_backend(std::shared_ptr<client::Client> client,
                                                                    RemoteOptions options = {});

}  // namespace shoal::session
