// Scaled dot-product attention as a composition, which the fused forms of several exporters share.
#pragma once

#include "importer/context.hpp"

namespace shoal::importer {

/// Heads of queries, keys and values: q [B, Hq, S, D], k [B, Hk, T, D], v [B, Hk, T, E]; Hq is a multiple of Hk, and
/// each key head serves Hq / Hk neighbouring query heads.
struct Heads {
    ValueId q, k, v;
};

struct AttentionOptions {
    double scale = 0;                ///< of q . k; 0: 1 / sqrt(D)
    double softcap = 0;              ///< cap * tanh(score / cap) when above 0
    std::vector<ValueId> biases{};   ///< added to the scores, broadcast to [B, Hq, S, T]
    std::vector<ValueId> allowed{};  ///< booleans, broadcast likewise; where one is false the key is not seen
    /// The score of a key that nobody has: softmax divides by exp(sink) more. [Hq] or absent.
    ValueId sink = kNoValue;
};

struct AttentionResult {
    ValueId y;                                ///< [B, Hq, S, E]
    ValueId scores, capped, biased, weights;  ///< [B, Hq, S, T], as they came about
};

[[nodiscard]] AttentionResult attend(Context& c, const Heads& heads, const AttentionOptions& options);

/// [B, S, H * D] <-> [B, H, S, D]
[[nodiscard]] ValueId split_heads(Context& c, ValueId x, std::int64_t heads);
[[nodiscard]] ValueId merged_heads(Builder& b, ValueId x);

/// For queries at positions `first` + 0 .. S - 1 (i64, broadcasting against [B, 1, S, 1]) which of `keys` keys they may
/// see: none behind them when `causal`, and none farther than `left` before or `right` behind where these are not
/// negative. [.., S, T] of booleans.
[[nodiscard]] ValueId visible(Builder& b, ValueId first, std::int64_t queries, std::int64_t keys, bool causal,
                              std::int64_t left, std::int64_t right);

/// x [B, H, S, D] turned by angles whose cosines and sines are [B, S, R / 2] (or broadcast to it); the first R elements
/// of each head are turned, in pairs of neighbours when `interleaved`, else of both halves.
[[nodiscard]] ValueId rotated(Context& c, ValueId x, ValueId cosines, ValueId sines, bool interleaved);

}  // namespace shoal::importer
