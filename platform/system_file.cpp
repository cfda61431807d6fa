#include "platform/system_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

namespace shoal::platform {
namespace {

constexpr std::size_t kLargestFile = 1 << 20;
constexpr int kLongestList = 4096;
constexpr std::string_view kBlank{" \t\r\n\0", 5};
constexpr std::string_view kSeparators = " \t:=";

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(kBlank);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

template <class T>
std::optional<T> leading_number(std::string_view text) {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc()) return std::nullopt;
    return value;
}

// "cpu10" -> ("cpu", 10); no digits -> -1.
std::pair<std::string_view, long> split_number(std::string_view name) {
    const auto last = name.find_last_not_of("0123456789");
    const auto digits = last == std::string_view::npos ? name : name.substr(last + 1);
    return {name.substr(0, name.size() - digits.size()), leading_number<long>(digits).value_or(-1)};
}

}  // namespace

std::optional<std::string> read_system_file(const std::filesystem::path& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) return std::nullopt;
    std::string text;
    char part[4096];
    ssize_t count = 1;
    while (text.size() < kLargestFile &&
           ((count = ::read(file, part, sizeof part)) > 0 || (count < 0 && errno == EINTR)))
        if (count > 0) text.append(part, static_cast<std::size_t>(count));
    ::close(file);
    if (count < 0) return std::nullopt;
    return text;
}

std::optional<std::string> read_system_line(const std::filesystem::path& path) {
    const auto text = read_system_file(path);
    if (!text) return std::nullopt;
    const auto line = trimmed(std::string_view(*text).substr(0, text->find('\n')));
    if (line.empty()) return std::nullopt;
    return std::string(line);
}

std::optional<std::uint64_t> read_system_number(const std::filesystem::path& path) {
    const auto line = read_system_line(path);
    return line ? leading_number<std::uint64_t>(*line) : std::nullopt;
}

std::optional<std::int64_t> read_system_signed(const std::filesystem::path& path) {
    const auto line = read_system_line(path);
    return line ? leading_number<std::int64_t>(*line) : std::nullopt;
}

std::optional<std::string> text_after(std::string_view text, std::string_view key) {
    while (!text.empty()) {
        const auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        if (line.substr(0, key.size()) != key) continue;
        const auto rest = line.substr(key.size());
        const auto start = rest.find_first_not_of(kSeparators);
        if (start == 0) continue;  // a longer word that begins with the key
        return std::string(start == std::string_view::npos ? std::string_view() : trimmed(rest.substr(start)));
    }
    return std::nullopt;
}

std::optional<std::uint64_t> number_after(std::string_view text, std::string_view key) {
    const auto rest = text_after(text, key);
    return rest ? leading_number<std::uint64_t>(*rest) : std::nullopt;
}

std::vector<int> parse_list(std::string_view text) {
    std::vector<int> out;
    text = trimmed(text);
    while (!text.empty()) {
        const auto item = text.substr(0, text.find(','));
        text.remove_prefix(std::min(item.size() + 1, text.size()));
        const auto first = leading_number<int>(item);
        const auto dash = item.find('-', 1);
        const auto last = dash == std::string_view::npos ? first : leading_number<int>(item.substr(dash + 1));
        if (!first || !last || *first < 0 || *last < *first || *last - *first >= kLongestList) return {};
        for (int value = *first; value <= *last; ++value)
            out.push_back(value);
        if (out.size() > kLongestList) return {};
    }
    return out;
}

std::vector<std::string> list_folder(const std::filesystem::path& path) {
    std::vector<std::string> names;
    std::error_code error;
    for (std::filesystem::directory_iterator at(path, error), end; !error && at != end; at.increment(error))
        names.push_back(at->path().filename().string());
    std::sort(names.begin(), names.end(),
              [](const std::string& a, const std::string& b) { return split_number(a) < split_number(b); });
    return names;
}

}  // namespace shoal::platform
