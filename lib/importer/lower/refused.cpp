// Operators that are well known and that Shoal does not run, with the reason that a refused model is told.
#include "importer/context.hpp"
#include "importer/lower/families.hpp"

namespace shoal::importer {
namespace {

constexpr std::string_view kRandom = "results that are drawn at random cannot be repeated on another board";
constexpr std::string_view kText = "text is not supported";
constexpr std::string_view kSearch = "generation loops belong to the program around the model";
constexpr std::string_view kTraining = "an operator of training";

constexpr Row refused(std::string_view name, std::string_view why, std::string_view domain = "") {
    return {.domain = domain, .name = name, .since = 1, .until = 0, .lower = nullptr, .refusal = why};
}

const Row kRows[] = {
    refused("Bernoulli", kRandom),
    refused("Multinomial", kRandom),
    refused("RandomNormal", kRandom),
    refused("RandomNormalLike", kRandom),
    refused("RandomUniform", kRandom),
    refused("RandomUniformLike", kRandom),
    refused("ImageDecoder", "decode the image before it goes into the model"),
    refused("RegexFullMatch", kText),
    refused("StringConcat", kText),
    refused("StringNormalizer", kText),
    refused("StringSplit", kText),
    refused("TfIdfVectorizer", kText),
    refused("Adagrad", kTraining, "ai.onnx.preview.training"),
    refused("Adam", kTraining, "ai.onnx.preview.training"),
    refused("Gradient", kTraining, "ai.onnx.preview.training"),
    refused("Momentum", kTraining, "ai.onnx.preview.training"),
    refused("BeamSearch", kSearch, "com.microsoft"),
    refused("GreedySearch", kSearch, "com.microsoft"),
    refused("Sampling", kSearch, "com.microsoft"),
    refused("Tokenizer", kText, "com.microsoft"),
};

}  // namespace

namespace families {
const Family refused{kRows};
}

}  // namespace shoal::importer
