#include "scenarios/digits.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <stdexcept>

#include "base/file.hpp"
#include "cli/command.hpp"
#include "tensor/npy.hpp"

namespace shoal::test {
namespace {

const std::string kFolder = SHOAL_SOURCE_DIR "/examples/digits/";

std::string command_of(const Cluster& cluster, const std::string& flags, const std::filesystem::path& to, int times) {
    return "sh -c '" SHOAL_COMMAND " run " + kFolder + "digits.onnx --input " + images_file(to, times) +
           " --each --json --output " + to.string() + " " + cluster.client_flags() + " " + flags + " >" +
           (to / "report").string() + " 2>" + (to / "error").string() + "; echo ended with $?'";
}

}  // namespace

std::string images_file(const std::filesystem::path& folder, int times) {
    const auto all = tensor::from_npy(base::map_file(kFolder + "images.npy"), "images.npy");
    if (times == 1 && all.shape()[0] == kImages) return kFolder + "images.npy";
    const tensor::Type type{all.element(), tensor::Shape{std::int64_t{kImages} * times, 1, 8, 8}};
    const auto once = all.shared_bytes().view().first(type.size_bytes() / static_cast<std::size_t>(times));
    std::vector<std::byte> bytes;
    for (int i = 0; i < times; ++i)
        bytes.insert(bytes.end(), once.begin(), once.end());
    const auto file = folder / "images.npy";
    base::replace_file(file,
                       base::ByteView(tensor::to_npy(tensor::Tensor(type, base::SharedBytes::own(std::move(bytes))))));
    return file.string();
}

const tensor::Tensor& digits_on_one_board(const std::string& device) {
    static std::map<std::string, tensor::Tensor> known;
    if (const auto at = known.find(device); at != known.end()) return at->second;
    // One image at a time, as the cluster gets them: a batch may add up in another order.
    Cluster cluster({device, {}, {}, true});
    cluster.start_board("alone", "64MiB");
    auto run = DigitsRun(cluster).result();
    if (run.exit_code != 0) throw std::runtime_error("one board alone failed: " + run.error);
    return known.emplace(device, run.scores).first->second;
}

DigitsRun::DigitsRun(const Cluster& cluster, const std::string& more_flags, int times)
    : process_(command_of(cluster, more_flags, folder_.path(), times)) {}

std::string DigitsRun::warnings() const {
    std::error_code ignored;
    return std::filesystem::exists(folder_ / "error", ignored) ? base::read_text(folder_ / "error") : "";
}

DigitsRun::Result DigitsRun::result() {
    Result out;
    const auto last = process_.wait_for("ended with", std::chrono::seconds(180));
    out.exit_code = std::stoi(last.substr(last.rfind(' ')));
    out.error = base::read_text(folder_ / "error");
    if (out.exit_code != 0) return out;
    out.report = nlohmann::json::parse(base::read_text(folder_ / "report"));
    out.scores = tensor::from_npy(base::map_file(folder_ / "scores.npy"), "scores.npy");
    return out;
}

bool same_bytes(const tensor::Tensor& a, const tensor::Tensor& b) {
    return a.type() == b.type() &&
           std::memcmp(a.shared_bytes().data(), b.shared_bytes().data(), a.type().size_bytes()) == 0;
}

std::size_t wrong_rows(const tensor::Tensor& got, const tensor::Tensor& want) {
    const auto rows = static_cast<std::size_t>(got.shape()[0]), known = static_cast<std::size_t>(want.shape()[0]);
    if (got.element() != want.element() || got.shape().rank() != want.shape().rank() || known == 0) return rows;
    const std::size_t size = want.type().size_bytes() / known;
    if (got.type().size_bytes() != rows * size) return rows;
    std::size_t out = 0;
    for (std::size_t row = 0; row < rows; ++row) {
        out += std::memcmp(got.shared_bytes().data() + row * size, want.shared_bytes().data() + row % known * size,
                           size) != 0
                   ? 1U
                   : 0U;
    }
    return out;
}

std::string cluster_device() {
    static const bool there = shoal_command("devices").exit_code == 0;
    if (!there) MESSAGE("no OpenCL device: the boards run the host's plain loops");
    return there ? "best" : "host";
}

}  // namespace shoal::test
