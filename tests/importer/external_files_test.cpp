#include "importer/external_files.hpp"

#include <doctest/doctest.h>

#include <filesystem>

#include "platform/files.hpp"
#include "support/errors.hpp"
#include "support/model_maker.hpp"
#include "support/temporary_folder.hpp"

using namespace shoal;
using namespace shoal::test;
namespace fs = std::filesystem;

namespace {

/// A model whose weights [13] stand in another file.
std::string model_with(const std::string& location, const std::string& offset = "", const std::string& length = "") {
    ModelMaker maker;
    auto graph = maker.graph();
    auto& w = *graph.proto().add_initializer();
    w.set_name("w");
    w.set_data_type(1);
    w.add_dims(13);
    w.set_data_location(1);
    const auto entry = [&](const char* key, const std::string& value) {
        if (value.empty()) return;
        auto& added = *w.add_external_data();
        added.set_key(key);
        added.set_value(value);
    };
    entry("location", location);
    entry("offset", offset);
    entry("length", length);
    graph.op("Identity", {"w"}, {"y"}).output("y");
    return maker.bytes();
}

std::vector<float> weights() {
    std::vector<float> out;
    for (int i = 0; i < 20; ++i)
        out.push_back(static_cast<float>(i));
    return out;
}

class Folder {
public:
    Folder() {
        const auto values = weights();
        platform::replace_file(path() / "weights.bin", std::as_bytes(std::span(values)));
    }
    [[nodiscard]] fs::path path() const { return folder_.path(); }
    [[nodiscard]] std::string load(const std::string& bytes) const {
        platform::replace_file(path() / "model.onnx", bytes);
        return error_of([&] { (void)importer::Model::load(path() / "model.onnx"); });
    }

private:
    TemporaryFolder folder_;
};

}  // namespace

TEST_CASE("external weights are mapped, at any offset") {
    const Folder folder;
    CHECK(folder.load(model_with("weights.bin", "16", "52")) == "");
    const auto model = importer::Model::load(folder.path() / "model.onnx");
    CHECK(model.initialiser("w").as<float>()[0] == 4);
    CHECK(model.parameter_bytes() == 52);
    CHECK(folder.load(model_with("weights.bin")) == "");
    CHECK(folder.load(model_with("./weights.bin", "3")) == "");  // not aligned: copied
    CHECK(importer::Model::load(folder.path() / "model.onnx").initialiser("w").as<float>().size() == 13);
}

TEST_CASE("ranges outside of the file are refused with both numbers") {
    const Folder folder;
    CHECK(says(folder.load(model_with("weights.bin", "40")), "52 bytes from 40"));
    CHECK(says(folder.load(model_with("weights.bin", "40")), "has 80"));
    CHECK(says(folder.load(model_with("weights.bin", "18446744073709551615")), "has 80"));
    CHECK(says(folder.load(model_with("weights.bin", "0", "48")), "48 bytes, its type takes 52"));
    CHECK(says(folder.load(model_with("weights.bin", "-4")), "offset '-4'"));
    CHECK(says(folder.load(model_with("weights.bin", "99999999999999999999")), "offset"));
}

TEST_CASE("nothing outside of the model's folder is read") {
    const Folder folder;
    const fs::path secret = folder.path().parent_path() / (folder.path().filename().string() + ".secret");
    const auto values = weights();
    platform::replace_file(secret, std::as_bytes(std::span(values)));
    CHECK(says(folder.load(model_with("../" + secret.filename().string())), "not a plain relative path"));
    CHECK(says(folder.load(model_with("sub/../../" + secret.filename().string())), "not a plain relative path"));
    CHECK(says(folder.load(model_with(secret.string())), "not a plain relative path"));
    fs::create_symlink(secret, folder.path() / "link.bin");
    CHECK(says(folder.load(model_with("link.bin")), "leads out of the model's folder"));
    CHECK(says(folder.load(model_with("nowhere.bin")), "no file 'nowhere.bin'"));
    fs::create_directory(folder.path() / "sub");
    CHECK(says(folder.load(model_with("sub")), "no plain file"));
    CHECK(says(folder.load(model_with("")), "external data ''"));
    fs::remove(secret);
}

TEST_CASE("a model that is a link finds its weights beside the real file") {
    const Folder folder;
    CHECK(folder.load(model_with("weights.bin")) == "");
    const TemporaryFolder elsewhere;
    fs::create_symlink(folder.path() / "model.onnx", elsewhere.path() / "model.onnx");
    CHECK(error_of([&] { (void)importer::Model::load(elsewhere.path() / "model.onnx"); }) == "");
}

TEST_CASE("bytes without a folder have no external weights") {
    CHECK(says(error_of([] { (void)parse(model_with("weights.bin")); }), "not read from a folder"));
}

TEST_CASE("a file that is not there says so") {
    CHECK(code_of([] { (void)importer::Model::load("/nowhere/model.onnx"); }) == base::Code::not_found);
}
