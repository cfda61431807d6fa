#include "cli/output_files.hpp"

#include <doctest/doctest.h>

#include "base/file.hpp"
#include "support/temporary_folder.hpp"
#include "tensor/npy.hpp"

using namespace shoal;
using cli::OutputFolder;
using tensor::ElementType;
using tensor::Tensor;
namespace fs = std::filesystem;

TEST_CASE("names of outputs become names of files") {
    CHECK(cli::file_name("scores") == "scores.npy");
    CHECK(cli::file_name("a/b:c d") == "a_b_c_d.npy");
    CHECK(cli::file_name("../../etc/passwd") == "_._.._etc_passwd.npy");
    CHECK(cli::file_name("") == "output.npy");
    CHECK(cli::file_name("-rf") == "_rf.npy");
    CHECK(cli::file_name("Größe") == "Gr____e.npy");
    CHECK(cli::file_name(std::string(1000, 'a')).size() == 204);
}

TEST_CASE("two outputs never share a file") {
    const test::TemporaryFolder folder;
    CHECK_NOTHROW(OutputFolder(folder / "out", {"a/b", "a_c"}));
    CHECK_THROWS_WITH(OutputFolder(folder / "out", {"a/b", "a:b"}),
                      "outputs 'a/b' and 'a:b' would both become a_b.npy; rename one of them in the model");
    CHECK(!fs::exists(folder / "out"));
}

TEST_CASE("what cannot be written is known before anything runs") {
    const test::TemporaryFolder folder;
    folder.write("file", "x");
    CHECK_THROWS_AS(OutputFolder(folder / "file", {"y"}), base::Error);
    CHECK_THROWS_AS(OutputFolder(folder / "file/below", {"y"}), base::Error);
    fs::create_directories(folder / "out/y.npy");
    CHECK_THROWS_AS(OutputFolder(folder / "out", {"y"}), base::Error);
}

TEST_CASE("files are written whole and others are left alone") {
    const test::TemporaryFolder folder;
    folder.write("out/old.npy", "old");
    folder.write("out/y.npy", "old too");
    const OutputFolder out(folder / "out", {"y", "n"});
    const auto written =
        out.write({{"y", Tensor::of<float>({2}, {1, 2})},
                   {"n", tensor::from_doubles(ElementType::bf16, {3}, std::vector<double>{1, 2.5, -3})}});
    REQUIRE(written.size() == 2);
    CHECK(written[0].note.empty());
    CHECK(written[1].note == "as f32, .npy has no bf16");
    CHECK(base::read_text(folder / "out/old.npy") == "old");
    const auto y = tensor::from_npy(base::map_file(folder / "out/y.npy"), "y");
    CHECK(tensor::to_doubles(y) == std::vector<double>{1, 2});
    const auto n = tensor::from_npy(base::map_file(folder / "out/n.npy"), "n");
    CHECK(n.element() == ElementType::f32);
    CHECK(tensor::to_doubles(n) == std::vector<double>{1, 2.5, -3});
    std::size_t files = 0;
    for (const auto& entry : fs::directory_iterator(folder / "out"))
        files += entry.is_regular_file() ? 1 : 0;
    CHECK(files == 3);
}
