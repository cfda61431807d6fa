// Operators whose inputs have ranks and sizes that they cannot have: an error that names the operator, never a crash.
#include <doctest/doctest.h>

#include <cmath>

#include "importer/operators.hpp"
#include "support/compare.hpp"
#include "support/errors.hpp"
#include "support/model_maker.hpp"

using namespace shoal;
using namespace shoal::test;

namespace {

using List = std::vector<std::int64_t>;
constexpr std::int64_t kOne = 1;
constexpr auto kMicrosoft = "com.microsoft";

// One operator that reads initialisers, so that its lowering knows their values.
importer::Model of_initialisers(const std::string& type, const std::string& domain, const std::vector<Tensor>& inputs,
                                const AttributeList& attributes, std::int64_t opset) {
    ModelMaker maker(opset);
    if (!domain.empty()) maker.import(domain, domain == "ai.onnx.ml" ? 3 : 1);
    auto graph = maker.graph();
    std::vector<std::string> names;
    for (const Tensor& input : inputs) {
        names.push_back("x" + std::to_string(names.size()));
        graph.initialiser(names.back(), input);
    }
    graph.output("y");
    graph.op(type, names, {"y"}, attributes, domain);
    return maker.model();
}

// Attributes that many operators cannot do without; those that an operator does not know do no harm.
const AttributeList& common() {
    static const AttributeList list{{"num_heads", kOne},
                                    {"q_num_heads", kOne},
                                    {"kv_num_heads", kOne},
                                    {"kernel_shape", List{1}},
                                    {"num_groups", kOne},
                                    {"size", kOne},
                                    {"blocksize", kOne},
                                    {"block_size", std::int64_t{16}},
                                    {"channels_last", kOne},
                                    {"N", kOne},
                                    {"K", kOne},
                                    {"hidden_size", kOne},
                                    {"direction", std::string("forward")},
                                    {"transA", kOne},
                                    {"transB", kOne},
                                    {"transBatchA", kOne},
                                    {"unidirectional", kOne},
                                    {"is_causal", kOne},
                                    {"do_rotary", kOne}};
    return list;
}

}  // namespace

TEST_CASE("operators on every rank are lowered or refused with one error") {
    int lowered = 0, refused = 0;
    for (const auto* row : importer::all_rows()) {
        if (row->lower == nullptr) continue;
        CAPTURE(row->name);
        for (const auto element : {ElementType::f32, ElementType::u8, ElementType::i64}) {
            for (int rank = 0; rank <= 3; ++rank) {
                for (const std::int64_t extent : {0, 1, 3}) {
                    for (const std::size_t count : {1, 2, 3, 5, 9}) {
                        const Shape shape(List(static_cast<std::size_t>(rank), extent));
                        const std::vector<double> ones(static_cast<std::size_t>(shape.count()), 1.0);
                        const std::vector<Tensor> inputs(count, tensor::from_doubles(element, shape, ones));
                        for (const auto& attributes : {AttributeList{}, common()}) {
                            try {
                                const auto model =
                                    of_initialisers(std::string(row->name), std::string(row->domain), inputs,
                                                    attributes, row->until > 0 ? row->until : 17);
                                (void)importer::Lowering(model, {}).advance();
                                ++lowered;
                            } catch (const base::Error& error) {
                                CHECK(error.code() != base::Code::internal);
                                ++refused;
                            }
                        }
                    }
                }
            }
        }
    }
    CHECK(lowered > 1000);
    CHECK(refused > 1000);
}

TEST_CASE("what has too few axes is refused by name") {
    const auto refused = [](const char* type, const std::vector<Tensor>& inputs, const AttributeList& attributes = {},
                            const std::string& domain = kMicrosoft, std::int64_t opset = 17) {
        const auto message = error_of([&] { (void)run_op(type, inputs, attributes, 1, opset, domain); });
        return says(message, type);
    };
    const Tensor one = floats({}, {1}), vector = floats({3}, {1, 2, 3});
    CHECK(refused("SkipLayerNormalization", {one, one, one}));
    CHECK(refused("SkipSimplifiedLayerNormalization", {one, one, one}));
    const Tensor bytes = tensor::from_doubles(ElementType::u8, Shape{3}, std::vector<double>{1, 2, 3}),
                 byte = tensor::from_doubles(ElementType::u8, Shape{}, std::vector<double>{1});
    CHECK(refused("QGemm", {bytes, one, byte, bytes, one, byte}, {{"transA", kOne}, {"transB", kOne}}));
    CHECK(refused("NhwcMaxPool", {bytes}, {{"kernel_shape", List{1}}}));
    CHECK(refused("NhwcMaxPool", {byte}, {{"kernel_shape", List{1}}}));
    CHECK(refused("QLinearAveragePool", {bytes, one, byte, one, byte},
                  {{"channels_last", kOne}, {"kernel_shape", List{1}}}));
    CHECK(refused("QLinearGlobalAveragePool", {byte, one, byte, one, byte}, {{"channels_last", kOne}}));
    const Tensor heads = floats({1, 1, 1, 1}, {1});
    CHECK(refused("Attention", {heads, heads, heads, left_out(), one, one}, {}, "", 23));
    CHECK(refused("MultiHeadAttention", {vector, vector, vector}, {{"num_heads", kOne}}));
    CHECK(refused("GroupQueryAttention",
                  {vector, left_out(), left_out(), left_out(), left_out(), ints({1}, {1}), ints({}, {1})},
                  {{"num_heads", kOne}, {"kv_num_heads", kOne}}));
    CHECK(refused("RotaryEmbedding", {floats({1, 1, 2}, {1, 2}), ints({}, {0}), one, one}));
    CHECK(refused("LSTM",
                  {floats({1, 1, 1}, {1}), floats({1, 4, 1}, {1, 1, 1, 1}), floats({1, 4, 1}, {1, 1, 1, 1}), one},
                  {{"hidden_size", kOne}}, ""));
}

TEST_CASE("a bound of Clip has one element") {
    const Tensor none = tensor::from_doubles(ElementType::f32, Shape{0}, {});
    for (const auto& inputs : {std::vector<Tensor>{floats({2}, {1, 2}), none},
                               std::vector<Tensor>{floats({2}, {1, 2}), floats({}, {0}), none}}) {
        const auto model = of_initialisers("Clip", "", inputs, {}, 17);
        CHECK(says(error_of([&] { (void)importer::lower(model, {}); }), "a bound is f32[0]"));
    }
}

TEST_CASE("BatchNormalization of a vector: one channel") {
    const std::vector<Tensor> inputs{floats({3}, {1, 2, 3}), floats({1}, {2}), floats({1}, {1}), floats({1}, {2}),
                                     floats({1}, {4})};
    const auto out = run_op("BatchNormalization", inputs, {{"epsilon", 0.0}});
    CHECK(difference(out[0], floats({3}, {0, 1, 2}), {1e-6, 1e-6}) == "");
    const auto training =
        run_op("BatchNormalization", inputs, {{"epsilon", 0.0}, {"training_mode", kOne}, {"momentum", 0.5}}, 3);
    const auto root = static_cast<float>(std::sqrt(1.5));  // 1 / the deviation of 1, 2, 3
    CHECK(difference(training[0], floats({3}, {1 - 2 * root, 1, 1 + 2 * root}), {1e-5, 1e-5}) == "");
    CHECK(difference(training[1], floats({1}, {2}), {1e-6, 1e-6}) == "");
    CHECK(difference(training[2], floats({1}, {static_cast<float>(2 + 1.0 / 3)}), {1e-6, 1e-6}) == "");
}
