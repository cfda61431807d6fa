// The weights of the models that a client has open, served to the hub in the pieces that it asks for and no faster than
// the network takes them. Bytes are shared with the models, never copied.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <vector>

#include "base/bytes.hpp"
#include "base/digest.hpp"
#include "graph/graph.hpp"
#include "wire/data_messages.hpp"

namespace shoal::client {

class Weights {
public:
    /// Bytes that may wait for the network before the next piece is cut.
    static constexpr std::uint64_t kUnsentBytes = 16ULL << 20;
    /// Pieces that the hub may ask for before it got the first; beyond, it is not heard.
    static constexpr std::size_t kMaxAsked = 4096;

    /// All constants, which must be bound and addressed, for as long as remove() is not called with the same graph.
    void add(const graph::Graph& graph);
    void remove(const graph::Graph& graph);

    void ask(const wire::BlobRequest& request);
    [[nodiscard]] bool asked() const noexcept { return !asked_.empty(); }
    void forget_asked() { asked_.clear(); }
    /// The next message for the hub: a piece, or that there is no such blob. Only when asked().
    [[nodiscard]] wire::Frames next();

private:
    struct Kept {
        base::SharedBytes bytes;
        int graphs = 0;
    };
    std::map<base::Digest, Kept> kept_;
    std::deque<wire::BlobRequest> asked_;
};

}  // namespace shoal::client
