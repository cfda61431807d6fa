#include <doctest/doctest.h>

#include "cli/command.hpp"
#include "cli/models.hpp"

using namespace shoal;
using namespace shoal::test;

namespace {

// A product of x f32[8, 64] with weights that alternate between two numbers; one of them has no exact place in 4 bits.
OnnxFile& product_into(OnnxFile& file) {
    std::vector<double> weights(64 * 64);
    for (std::size_t i = 0; i < weights.size(); ++i)
        weights[i] = i % 3 == 0 ? 1 : -0.37;
    file.input("x", "8,64").constant("w", tensor::from_doubles(tensor::ElementType::f32, {64, 64}, weights));
    return file.op("MatMul", {"x", "w"}, {"p"});
}

CommandRun quantised(const OnnxFile& file) {
    const TemporaryFolder folder;
    file.save(folder / "m.onnx");
    const std::string at = folder.path().string();
    return shoal_command("quantize " + at + "/m.onnx -o " + at + "/q.onnx -w int4 --device host");
}

}  // namespace

TEST_CASE("the error of quantised weights is told, and what was not compared") {
    OnnxFile negated("negated"), above("above"), divided("divided");
    const auto plain = quantised(product_into(negated).op("Neg", {"p"}, {"y"}).output("y", "8,64"));
    REQUIRE(plain.exit_code == 0);
    CHECK(contains(plain.out, "output y: relative error"));
    CHECK_FALSE(contains(plain.out, "not compared"));

    // Where x w is above a number: with other weights, in other places.
    const auto places = quantised(product_into(above)
                                      .constant("limit", tensor::Tensor::scalar(0.5F))
                                      .op("Greater", {"p", "limit"}, {"above"})
                                      .op("NonZero", {"above"}, {"y"})
                                      .output("y", "2,?", tensor::ElementType::i64));
    INFO(places.error);
    REQUIRE(places.exit_code == 0);
    CHECK(contains(places.out, "not compared: [2, "));

    // 0 / 0 where an entry is 0, and a division by 0 where it is not.
    const auto endless = quantised(product_into(divided)
                                       .constant("zero", tensor::Tensor::scalar(0.0F))
                                       .op("Div", {"p", "zero"}, {"y"})
                                       .output("y", "8,64"));
    REQUIRE(endless.exit_code == 0);
    CHECK(contains(endless.out, "output y: "));
    CHECK_FALSE(contains(endless.out, "relative error nan"));
}
