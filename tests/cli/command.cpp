#include "cli/command.hpp"

#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace shoal::test {
namespace {

std::string content(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream out;
    out << file.rdbuf();
    return out.str();
}

}  // namespace

CommandRun shoal_command(const std::string& arguments, const std::string& environment) {
    const TemporaryFolder folder;
    const auto out = folder / "out", error = folder / "error";
    const std::string command = "timeout 120 env " + environment + " " SHOAL_COMMAND " " + arguments + " >" +
                                out.string() + " 2>" + error.string();
    const int status = std::system(("{ " + command + "; } </dev/null").c_str());
    CommandRun run;
    if (WIFEXITED(status)) run.exit_code = WEXITSTATUS(status);
    run.out = content(out);
    run.error = content(error);
    return run;
}

std::size_t widest_line(const std::string& text) {
    std::istringstream lines(text);
    std::size_t widest = 0;
    for (std::string line; std::getline(lines, line);) {
        const auto characters = std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xC0) != 0x80; });
        widest = std::max(widest, static_cast<std::size_t>(characters));
    }
    return widest;
}

std::string in_one_line(const std::string& text) {
    std::istringstream words(text);
    std::string out;
    for (std::string word; words >> word;)
        out += (out.empty() ? "" : " ") + word;
    return out;
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

bool is_one_line(const std::string& text) {
    return !text.empty() && text.find('\n') == text.size() - 1;
}

}  // namespace shoal::test
