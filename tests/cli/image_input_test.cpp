#include "cli/image_input.hpp"

#include <doctest/doctest.h>

#include "cli/command.hpp"
#include "cli/frame.hpp"
#include "cli/pictures.hpp"

using namespace shoal;
using namespace shoal::cli;
using importer::Dim;
using tensor::ElementType;

namespace {

const Dim kBatch{-1, "N"}, kOpen{-1, ""};

ImageInput convert(std::vector<Dim> dims, const Picture& picture, const ImageFlags& flags = {},
                   ElementType element = ElementType::f32) {
    const importer::ValueInfo info{"data", element, "tensor", dims, false};
    return image_input(info, dims, picture, flags);
}

std::string notes(const ImageInput& input) {
    std::string out;
    for (const auto& note : input.notes)
        out += note + "\n";
    return out;
}

}  // namespace

TEST_CASE("the model's shape says where the channels go") {
    const auto picture = test::made_up_picture(4, 3, 3);
    const auto planes = convert({kBatch, {3}, {3}, {4}}, picture);
    const auto pixels = convert({kBatch, {3}, {4}, {3}}, picture, {"", "", 0, "crop", 0, "nhwc", false});
    REQUIRE(planes.tensor.shape() == tensor::Shape{1, 3, 3, 4});
    REQUIRE(pixels.tensor.shape() == tensor::Shape{1, 3, 4, 3});
    for (int c = 0; c < 3; ++c) {
        for (int y = 0; y < 3; ++y) {
            for (int x = 0; x < 4; ++x) {
                const float want = static_cast<float>(picture.at(x, y, c) / 255.0);
                CHECK(planes.tensor.as<float>()[static_cast<std::size_t>((c * 3 + y) * 4 + x)] == want);
                CHECK(pixels.tensor.as<float>()[static_cast<std::size_t>((y * 4 + x) * 3 + c)] == want);
            }
        }
    }
    CHECK(test::contains(notes(planes), "NCHW"));
    CHECK(test::contains(notes(pixels), "NHWC"));
    CHECK(convert({{1}, {28}, {28}, {1}}, picture).tensor.shape() == tensor::Shape{1, 28, 28, 1});
    CHECK(convert({{3}, {5}, {7}}, picture).tensor.shape() == tensor::Shape{3, 5, 7});
    CHECK(convert({{5}, {7}, {4}}, picture).tensor.shape() == tensor::Shape{5, 7, 4});
    CHECK(convert({kBatch, {5}, {7}}, picture).tensor.shape() == tensor::Shape{1, 5, 7});
    CHECK(convert({{5}, {7}}, picture).tensor.shape() == tensor::Shape{5, 7});
}

TEST_CASE("sizes that the model leaves open are the picture's") {
    const auto picture = test::made_up_picture(13, 7, 1);
    CHECK(convert({kBatch, {3}, kOpen, kOpen}, picture).tensor.shape() == tensor::Shape{1, 3, 7, 13});
    CHECK(convert({kBatch, {3}, {14}, kOpen}, picture).tensor.shape() == tensor::Shape{1, 3, 14, 13});
}

TEST_CASE("cropping keeps the middle, stretching keeps everything") {
    Picture picture = test::made_up_picture(8, 4, 1);
    const auto cut = convert({{1}, {4}, {4}}, picture);
    for (int y = 0; y < 4; ++y) {
        for (int x = 0; x < 4; ++x)
            CHECK(cut.tensor.as<float>()[static_cast<std::size_t>(y * 4 + x)] ==
                  static_cast<float>(picture.at(x + 2, y, 0) / 255.0));
    }
    CHECK(test::contains(notes(cut), "the middle 4x4 cut out"));
    ImageFlags stretch;
    stretch.fit = "stretch";
    CHECK(test::contains(notes(convert({{1}, {4}, {4}}, picture, stretch)), "stretched to 4x4"));
    ImageFlags shorter;
    shorter.resize = 16;
    CHECK(
        test::contains(notes(convert({{1}, {4}, {4}}, picture, shorter)), "resized to 32x16\nthe middle 4x4 cut out"));
    shorter.resize = 3;
    CHECK_THROWS_AS((void)convert({{1}, {4}, {4}}, picture, shorter), UsageError);
    stretch.resize = 16;
    CHECK_THROWS_AS((void)convert({{1}, {4}, {4}}, picture, stretch), UsageError);
}

TEST_CASE("values: scaled, mean taken off, divided, in the model's order of channels") {
    const Picture pixel{1, 1, 3, {255, 51, 0}};
    ImageFlags flags;
    flags.mean = "0.5,0.1,0.25";
    flags.deviation = "0.5,2,0.125";
    const auto rgb = convert({kBatch, {3}, {1}, {1}}, pixel, flags);
    CHECK(tensor::to_doubles(rgb.tensor)[0] == doctest::Approx(1));
    CHECK(tensor::to_doubles(rgb.tensor)[1] == doctest::Approx(0.05));
    CHECK(tensor::to_doubles(rgb.tensor)[2] == doctest::Approx(-2));
    flags.bgr = true;
    const auto bgr = convert({kBatch, {3}, {1}, {1}}, pixel, flags);
    CHECK(tensor::to_doubles(bgr.tensor)[0] == doctest::Approx(-1));
    CHECK(tensor::to_doubles(bgr.tensor)[2] == doctest::Approx(6));
    flags = {};
    flags.range = 255;
    CHECK(tensor::to_doubles(convert({kBatch, {3}, {1}, {1}}, pixel, flags).tensor) == std::vector<double>{255, 51, 0});
    const auto whole = convert({kBatch, {3}, {1}, {1}}, pixel, {}, ElementType::u8);
    CHECK(whole.tensor.element() == ElementType::u8);
    CHECK(tensor::to_doubles(whole.tensor) == std::vector<double>{255, 51, 0});
    for (const char* wrong : {"1,2", "1,2,3,4", "x"}) {
        flags.mean = wrong;
        CHECK_THROWS_AS((void)convert({kBatch, {3}, {1}, {1}}, pixel, flags), UsageError);
    }
    flags.mean = "";
    flags.deviation = "0";
    CHECK_THROWS_AS((void)convert({kBatch, {3}, {1}, {1}}, pixel, flags), UsageError);
}

TEST_CASE("inputs that no picture fits are refused with their shape") {
    const auto picture = test::made_up_picture(4, 4, 3);
    const auto message = [&](std::vector<Dim> dims) {
        try {
            (void)convert(std::move(dims), picture);
        } catch (const std::exception& error) {
            return std::string(error.what());
        }
        return std::string();
    };
    CHECK(test::contains(message({{1000}}), "f32[1000] is no picture's shape"));
    CHECK(test::contains(message({{8}, {3}, {4}, {4}}), "takes 8 pictures at once"));
    CHECK(test::contains(message({{1}, {6}, {4}, {6}}), "--layout"));
    CHECK(test::contains(message({{1}, {3}, {0}, {4}}), "no pixels"));
    ImageFlags flags;
    flags.layout = "nchw";
    CHECK_THROWS_AS((void)convert({{1}, {6}, {4}, {4}}, picture, flags), base::Error);
    flags = {};
    flags.bgr = true;
    CHECK_THROWS_AS((void)convert({{1}, {1}, {4}, {4}}, picture, flags), UsageError);
}
