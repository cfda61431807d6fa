#include "cli/picture.hpp"

#include <doctest/doctest.h>

#include <fstream>

#include "base/error.hpp"
#include "base/file.hpp"
#include "cli/pictures.hpp"
#include "support/temporary_folder.hpp"

using namespace shoal;
using namespace shoal::cli;

namespace {

Picture round_trip(const Picture& picture) {
    const test::TemporaryFolder folder;
    test::write_png(folder / "p.png", picture);
    const auto bytes = base::map_file(folder / "p.png");
    CHECK(is_picture(bytes.view()));
    return decode_picture(bytes.view(), "p.png");
}

}  // namespace

TEST_CASE("PNG files give the pixels that were written") {
    for (int channels = 1; channels <= 4; ++channels) {
        CAPTURE(channels);
        const auto made = test::made_up_picture(13, 7, channels);
        const auto read = round_trip(made);
        CHECK(read.width == 13);
        CHECK(read.height == 7);
        CHECK(read.channels == channels);
        CHECK(read.values == made.values);
        CHECK(!read.was_16_bit);
    }
}

TEST_CASE("JPEG files give nearly those") {
    const test::TemporaryFolder folder;
    Picture flat{16, 16, 3, std::vector<std::uint8_t>(16 * 16 * 3, 100)};
    test::write_jpeg(folder / "p.jpg", flat);
    const auto bytes = base::map_file(folder / "p.jpg");
    CHECK(is_picture(bytes.view()));
    const auto read = decode_picture(bytes.view(), "p.jpg");
    CHECK(read.channels == 3);
    for (const int value : read.values)
        CHECK(std::abs(value - 100) <= 2);
}

TEST_CASE("damaged files are refused, each prefix of one") {
    const test::TemporaryFolder folder;
    test::write_png(folder / "p.png", test::made_up_picture(5, 3, 3));
    test::write_jpeg(folder / "p.jpg", test::made_up_picture(5, 3, 3));
    const auto png = base::map_file(folder / "p.png"), jpeg = base::map_file(folder / "p.jpg");
    for (std::size_t size = 0; size < png.size() - 12; ++size)  // behind the pixels stands only the end mark
        CHECK_THROWS_AS((void)decode_picture(png.view().first(size), "cut.png"), base::Error);
    int refused = 0;
    for (std::size_t size = 0; size < jpeg.size(); ++size) {
        try {
            (void)decode_picture(jpeg.view().first(size), "cut.jpg");  // a JPEG without its end still shows something
        } catch (const base::Error&) {
            ++refused;
        }
    }
    CHECK(refused > 100);
    CHECK(!is_picture({}));
    CHECK(!is_picture(base::SharedBytes::own(std::vector<std::byte>(100)).view()));
}

TEST_CASE("channels become what a model takes") {
    const Picture rgba{2, 1, 4, {10, 20, 30, 128, 255, 255, 255, 0}};
    CHECK(with_channels(rgba, 3).values == std::vector<std::uint8_t>{10, 20, 30, 255, 255, 255});
    CHECK(with_channels(rgba, 1).values == std::vector<std::uint8_t>{18, 255});
    CHECK(with_channels(rgba, 4).values == rgba.values);
    const Picture grey_alpha{2, 1, 2, {7, 1, 9, 2}};
    CHECK(with_channels(grey_alpha, 1).values == std::vector<std::uint8_t>{7, 9});
    CHECK(with_channels(grey_alpha, 3).values == std::vector<std::uint8_t>{7, 7, 7, 9, 9, 9});
    CHECK(with_channels(grey_alpha, 4).values == std::vector<std::uint8_t>{7, 7, 7, 1, 9, 9, 9, 2});
    const Picture grey{1, 1, 1, {5}};
    CHECK(with_channels(grey, 4).values == std::vector<std::uint8_t>{5, 5, 5, 255});
}

TEST_CASE("resizing: what Pillow gives") {
    // Image.fromarray(uint8 array).resize((w, h), Image.BILINEAR), Pillow 13.
    const Picture ramp{4, 2, 1, {0, 10, 20, 30, 100, 110, 120, 255}};
    CHECK(resized(ramp, 2, 1).values == std::vector<std::uint8_t>{57, 100});
    CHECK(resized(ramp, 8, 2).values ==
          std::vector<std::uint8_t>{0, 3, 8, 13, 18, 23, 28, 30, 100, 103, 108, 113, 118, 154, 221, 255});
    CHECK(resized(ramp, 3, 2).values == std::vector<std::uint8_t>{3, 15, 27, 103, 115, 215});
    CHECK(resized(ramp, 4, 2).values == ramp.values);
    const Picture flat{13, 127, 3, std::vector<std::uint8_t>(13 * 127 * 3, 77)};
    for (const auto& [width, height] : {std::pair{1, 1}, {3, 200}, {50, 13}}) {
        const auto out = resized(flat, width, height);
        CHECK(out.values == std::vector<std::uint8_t>(static_cast<std::size_t>(width * height * 3), 77));
    }
}

TEST_CASE("the part that is cut out is the part that is there") {
    const auto whole = test::made_up_picture(9, 6, 3);
    const auto part = cropped(whole, 2, 1, 5, 4);
    for (int y = 0; y < 4; ++y) {
        for (int x = 0; x < 5; ++x)
            CHECK(part.at(x, y, 2) == whole.at(x + 2, y + 1, 2));
    }
    CHECK_THROWS_AS((void)cropped(whole, 5, 0, 5, 1), base::Error);
}
