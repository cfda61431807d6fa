// Graphs as bytes, constants by their content hash alone, and the hash of a whole graph.
#pragma once

#include "base/bytes.hpp"
#include "base/digest.hpp"
#include "graph/graph.hpp"

namespace shoal::wire {

/// Fills in the digest of every constant whose bytes are here and that has none yet. Hashing takes about a second for a
/// gigabyte; the digest stays with the constant.
void address_constants(graph::Graph& graph);

/// The graph's identity: everything in it but the constants' bytes, which their digests stand for. Independent of the
/// encoding below. Throws internal when a constant has no digest (address_constants).
[[nodiscard]] base::Digest digest_of(const graph::Graph& graph);

/// The digests of the constants that operators or outputs read, each once, with their sizes in bytes: what a board
/// needs.
struct BlobNeed {
    base::Digest digest{};
    std::uint64_t size_bytes = 0;
    bool operator==(const BlobNeed&) const = default;
};
[[nodiscard]] std::vector<BlobNeed> blobs_of(const graph::Graph& graph);

/// The graph alone, for files and caches; messages carry the same bytes. Throws internal when a constant has no digest,
/// invalid_argument when it is above the maxima of limits.hpp.
[[nodiscard]] std::vector<std::byte> encode_graph(const graph::Graph& graph);

/// Throws network naming what is wrong unless the bytes are a graph that graph::validate accepts. Constants are
/// unbound.
[[nodiscard]] graph::Graph decode_graph(base::ByteView bytes);

}  // namespace shoal::wire
