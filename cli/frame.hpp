// The frame that every command stands in: here its flags are parsed, and its failures become one line and an exit code.
//
// A command is one file, <name>_command.cpp, with one function add_<name>_command(Frame&) that says what it takes and
// what it does; cli/CMakeLists.txt has the list of them. Flags are named once and grouped by subject, so that a
// configuration file can hold the same names.
#pragma once

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>

namespace CLI {
class App;
}

namespace shoal::cli {

/// What the shell is told. 128 + n: signal n ended it.
enum class Exit : int {
    ok = 0,
    failure = 1,  ///< it did not work: a file, the model, a device, the network
    usage = 2,    ///< the command line is wrong: unknown flags and names, values that make no sense
};

/// A mistake in the command line that is found while a command works; ends it with Exit::usage.
class UsageError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

struct CommandText {
    std::string name;
    std::string summary;   ///< one line, for `shoal --help`
    std::string details;   ///< what else to know, for the command's own --help; paragraphs, wrapped there
    std::string examples;  ///< command lines as typed, one a line
};

class Frame {
public:
    Frame();
    ~Frame();
    Frame(const Frame&) = delete;
    Frame& operator=(const Frame&) = delete;

    /// Adds a command; the caller adds its flags to what is returned. `work` runs once all flags are parsed.
    CLI::App& add(const CommandText& text, std::function<Exit()> work);

    /// Whether the chosen command's flag stands on the command line itself; not one from the environment or a file,
    /// which may be meant for other uses of the command.
    [[nodiscard]] bool typed(const std::string& flag) const;

    /// Parses, runs the chosen command, and returns the process' exit code. Throws nothing.
    int run(int argc, const char* const* argv) noexcept;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace shoal::cli
