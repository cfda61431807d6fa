// Holds every #include of the tree against lib/layers.txt: arrows between rooms go one way only.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>

namespace fs = std::filesystem;

namespace {

const fs::path kRoot = SHOAL_SOURCE_DIR;

using Rooms = std::map<std::string, std::set<std::string>>;

Rooms read_table() {
    std::ifstream file(kRoot / "lib/layers.txt");
    Rooms rooms;
    for (std::string line; std::getline(file, line);) {
        if (line.empty() || line[0] == '#') continue;
        const auto colon = line.find(':');
        REQUIRE(colon != std::string::npos);
        std::istringstream uses(line.substr(colon + 1));
        auto& set = rooms[line.substr(0, colon)];
        for (std::string room; uses >> room;)
            set.insert(room);
    }
    return rooms;
}

// "graph/op.hpp" -> graph; "shoal/shoal.h" -> public; a system header -> "".
std::string room_of(const std::string& included, const Rooms& rooms) {
    const std::string first = included.substr(0, included.find('/'));
    if (first == "shoal") return "public";
    return included.find('/') != std::string::npos && rooms.count(first) != 0 ? first : "";
}

fs::path folder_of(const std::string& room) {
    if (room == "public") return kRoot / "include/shoal";
    if (room == "platform" || room == "opencl" || room == "cli") return kRoot / room;
    return kRoot / "lib" / room;
}

bool is_source(const fs::path& path) {
    const auto extension = path.extension();
    return extension == ".cpp" || extension == ".hpp" || extension == ".h" || extension == ".in";
}

}  // namespace

TEST_CASE("rooms include only what the table allows") {
    const Rooms rooms = read_table();
    REQUIRE(rooms.size() > 10);
    const std::regex include(R"re(^\s*#\s*include\s*["<]([^">]+)[">])re");
    int checked = 0;
    for (const auto& [user, allowed] : rooms) {
        const std::string room = user;  // the checks below are lambdas, which clang 14 lets capture no bindings
        if (!fs::exists(folder_of(room))) continue;
        for (const auto& entry : fs::recursive_directory_iterator(folder_of(room))) {
            if (!is_source(entry.path())) continue;
            std::ifstream file(entry.path());
            for (std::string line; std::getline(file, line);) {
                std::smatch match;
                if (!std::regex_search(line, match, include)) continue;
                const std::string other = room_of(match[1], rooms);
                if (other.empty() || other == room) continue;
                ++checked;
                INFO(entry.path().string(), " includes ", match[1].str());
                CHECK_MESSAGE(allowed.count(other) == 1, "room ", room, " may not use ", other);
            }
        }
    }
    CHECK(checked > 15);
}

TEST_CASE("the table has no cycle") {
    Rooms rooms = read_table();
    while (!rooms.empty()) {
        // Take away a room that uses nothing that is still there; a cycle never loses its last room.
        auto leaf = rooms.end();
        for (auto at = rooms.begin(); at != rooms.end() && leaf == rooms.end(); ++at) {
            bool free = true;
            for (const auto& other : at->second)
                free = free && rooms.count(other) == 0;
            if (free) leaf = at;
        }
        REQUIRE_MESSAGE(leaf != rooms.end(), "rooms use each other in a circle, among them ", rooms.begin()->first);
        rooms.erase(leaf);
    }
}
