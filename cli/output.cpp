#include "cli/output.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>

namespace shoal::cli {
namespace {

[[noreturn]] void fail_to_write() {
    const int error = errno;
    std::clearerr(stdout);
    if (error == EPIPE) throw OutputClosed();
    base::fail(base::Code::io, "cannot write to standard output: ", std::strerror(error));
}

}  // namespace

void print(std::string_view text) {
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) fail_to_write();
}

void flush_output() {
    if (std::fflush(stdout) != 0) fail_to_write();
}

void print_json(const nlohmann::ordered_json& document) {
    print(document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

}  // namespace shoal::cli
