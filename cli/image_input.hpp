// A picture as a model's input: channels, size, layout and scaling, each decided by the model's shape and by flags, and
// each decision told.
#pragma once

#include <string>
#include <vector>

#include "cli/picture.hpp"
#include "importer/model.hpp"
#include "tensor/tensor.hpp"

namespace CLI {
class App;
}

namespace shoal::cli {

struct ImageFlags {
    std::string mean, deviation;  ///< one number, or one a channel
    double range = 0;             ///< what 255 becomes; 0: 1, or 255 for a model that takes whole numbers
    std::string fit = "crop";
    int resize = 0;  ///< pixels of the shorter side before the crop; 0: just enough
    std::string layout = "auto";
    bool bgr = false;
};
void add_image_flags(CLI::App& command, ImageFlags& flags);

struct ImageInput {
    tensor::Tensor tensor;
    std::vector<std::string> notes;  ///< what was decided, in order
};

/// `dims` is the input's shape as far as it is known, the batch included. Throws UsageError for flags and unsupported
/// for an input that no picture fits, naming it.
[[nodiscard]] ImageInput image_input(const importer::ValueInfo& input, const std::vector<importer::Dim>& dims,
                                     Picture picture, const ImageFlags& flags);

}  // namespace shoal::cli
