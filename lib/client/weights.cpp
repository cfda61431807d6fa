#include "client/weights.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace shoal::client {

void Weights::add(const graph::Graph& graph) {
    for (const auto& value : graph.values) {
        if (!value.constant) continue;
        Kept& kept = kept_[value.constant->digest.value()];
        kept.bytes = value.constant->bytes;
        ++kept.graphs;
    }
}

void Weights::remove(const graph::Graph& graph) {
    for (const auto& value : graph.values) {
        if (!value.constant) continue;
        const auto at = kept_.find(value.constant->digest.value());
        if (at != kept_.end() && --at->second.graphs == 0) kept_.erase(at);
    }
}

void Weights::ask(const wire::BlobRequest& request) {
    if (asked_.size() < kMaxAsked)
        asked_.push_back(request);
    else
        base::log_warning("client", "the hub asks for more than ", kMaxAsked, " pieces at a time");
}

wire::Frames Weights::next() {
    const wire::BlobRequest request = asked_.front();
    asked_.pop_front();
    const auto at = kept_.find(request.digest);
    const std::uint64_t total = at == kept_.end() ? 0 : at->second.bytes.size();
    if (at == kept_.end() || request.offset > total) return wire::encode(wire::BlobMissing{request.digest});
    const auto size =
        std::min({std::uint64_t{request.size}, total - request.offset, std::uint64_t{wire::kMaxChunkBytes}});
    return wire::encode(wire::Blob{request.digest, request.offset, total,
                                   at->second.bytes.slice(request.offset, static_cast<std::size_t>(size))});
}

}  // namespace shoal::client
