// Reading an image between its pixels, at places that are computed at run time: index arithmetic and gathers.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "importer/context.hpp"

namespace shoal::importer {

class Sampler {
public:
    enum class Mode { nearest, linear, cubic };
    enum class Padding { zeros, border, reflection };

    /// `image`: [N, D1..Dr, C]. Reflection happens at the pixels' centres (`align_corners`) or at their outer edges.
    Sampler(Builder& b, ValueId image, Mode mode, Padding padding, bool align_corners);

    /// `places`: for each spatial axis pixel coordinates (0 is the first pixel's centre) of shape [N, S..], any one of
    /// which may broadcast. Returns [N, S.., C].
    [[nodiscard]] ValueId sample(const std::vector<ValueId>& places);

private:
    struct Tap {
        ValueId index;                  // i64, inside of the axis
        std::optional<ValueId> weight;  // absent: 1
    };
    [[nodiscard]] std::vector<Tap> taps(ValueId place, std::int64_t extent);
    [[nodiscard]] Tap tap(ValueId index, std::optional<ValueId> weight, std::int64_t extent);
    [[nodiscard]] ValueId reflected(ValueId place, std::int64_t extent);
    [[nodiscard]] ValueId gathered(const std::vector<std::vector<Tap>>& taps, std::size_t axis, ValueId row);

    Builder& b_;
    Shape image_;
    ValueId rows_;
    Mode mode_;
    Padding padding_;
    bool align_corners_;
};

}  // namespace shoal::importer
