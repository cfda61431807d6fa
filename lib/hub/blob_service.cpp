#include "hub/blob_service.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace shoal::hub {
namespace {

constexpr std::uint64_t kUnderWay = 8ULL << 20;  // bytes to one board that the network has not taken
constexpr std::size_t kMostWaiting = 1024;       // requests of one board; one that asks for more is not one of ours
constexpr std::size_t kMostMapped = 64;

}  // namespace

void BlobService::asked(PeerId board, const wire::BlobRequest& request) {
    auto& waiting = waiting_[board];
    if (waiting.size() >= kMostWaiting) return;
    if (std::find(waiting.begin(), waiting.end(), request) != waiting.end()) return;  // it lost patience, not the piece
    waiting.push_back(request);
    serve(board, waiting);
}

void BlobService::lost(PeerId board) {
    waiting_.erase(board);
}

bool BlobService::tick() {
    bool left = false;
    for (auto& [board, waiting] : waiting_) {
        serve(board, waiting);
        left = left || !waiting.empty();
    }
    return left;
}

void BlobService::serve(PeerId board, std::deque<wire::BlobRequest>& waiting) {
    while (!waiting.empty() && outbox_.unsent_bytes(board) < kUnderWay) {
        const wire::BlobRequest request = waiting.front();
        waiting.pop_front();
        const base::SharedBytes* bytes = mapped(request.digest);
        if (bytes == nullptr || request.offset > bytes->size()) {
            tell(outbox_, board, wire::BlobMissing{request.digest});
            continue;
        }
        const auto size = std::min<std::uint64_t>(request.size, bytes->size() - request.offset);
        tell(outbox_, board,
             wire::Blob{request.digest, request.offset, bytes->size(), bytes->slice(request.offset, size)});
    }
}

const base::SharedBytes* BlobService::mapped(const base::Digest& digest) {
    if (const auto at = mapped_.find(digest); at != mapped_.end()) return &at->second;
    try {
        auto bytes = store_.open(digest);
        if (!bytes) return nullptr;
        if (mapped_.size() >= kMostMapped) mapped_.clear();
        return &mapped_.emplace(digest, std::move(*bytes)).first->second;
    } catch (const base::Error& error) {
        base::log_warning("hub", "weights ", digest.brief(), " cannot be read: ", error.what());
        return nullptr;
    }
}

}  // namespace shoal::hub
