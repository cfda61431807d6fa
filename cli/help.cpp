#include "cli/help.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "cli/text.hpp"

namespace shoal::cli {
namespace {

using Options = std::vector<const CLI::Option*>;

constexpr std::size_t kTextColumn = 26;
constexpr const char* kClosing =
    "'shoal COMMAND --help' tells more about a command, with examples.\n"
    "Exit codes: 0 it worked, 1 it failed, 2 the command line is wrong, 128 + n signal n ended it.";

// A name and what it means, beside each other where the name leaves room.
std::string row(const std::string& name, const std::string& meaning) {
    std::string text = wrapped(meaning, kTextColumn);
    const std::string head = "  " + name;
    if (width(head) + 2 > kTextColumn) return head + '\n' + text;
    return left(head, kTextColumn) + text.substr(kTextColumn);
}

std::string names_of(const CLI::Option& option) {
    if (option.get_positional()) return option.get_name(true);
    std::vector<std::string> names;
    for (const auto& name : option.get_snames())
        names.push_back("-" + name);
    for (const auto& name : option.get_lnames())
        names.push_back("--" + name);
    const std::string value = option.get_option_text();
    return (option.get_snames().empty() ? "    " : "") + joined(names) + (value.empty() ? "" : " " + value);
}

std::string section(const std::string& title, const Options& options) {
    if (options.empty()) return "";
    std::string out = "\n" + title + ":\n";
    for (const auto* option : options)
        out += row(names_of(*option), option->get_description());
    return out;
}

std::string usage(const CLI::App& app, const std::string& name, const Options& positionals) {
    std::string out = "Usage: " + name + (app.get_parent() == nullptr ? " COMMAND" : "") + " [FLAGS]";
    for (const auto* option : positionals) {
        const std::string word =
            option->get_name(true) + (option->get_expected_max() >= CLI::detail::expected_max_vector_size ? "..." : "");
        out += " " + (option->get_required() ? word : "[" + word + "]");
    }
    return out + "\n";
}

std::string first_line(const std::string& text) {
    return text.substr(0, text.find('\n'));
}

std::string commands(const CLI::App& app) {
    std::string out;
    for (const auto* command : app.get_subcommands({})) {
        if (command->get_group().empty()) continue;
        out += row(command->get_name(), first_line(command->get_description()));
    }
    return out.empty() ? "" : "\nCommands:\n" + out;
}

std::string examples(const std::string& lines) {
    std::string out = "\nExamples:\n  ";
    for (const char c : lines)
        out += c == '\n' ? "\n  " : std::string(1, c);
    return out + "\n";
}

// A command's details; what the whole program is about has no details.
std::string about(const std::string& description) {
    const auto end = description.find('\n');
    return wrapped(end == std::string::npos ? description : description.substr(end + 1), 0);
}

// Flags that every command has come last.
std::vector<std::string> groups_of(const CLI::App& app) {
    auto out = app.get_groups();
    std::stable_partition(out.begin(), out.end(), [](const auto& group) { return group != kEveryCommand; });
    return out;
}

class HelpFormatter final : public CLI::FormatterBase {
public:
    std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode) const override {
        const auto positionals = app->get_options([](const CLI::Option* option) { return option->get_positional(); });
        std::string out = usage(*app, name, positionals) + '\n' + about(app->get_description());
        out += commands(*app) + section("Arguments", positionals);
        for (const auto& group : groups_of(*app)) {
            if (group.empty()) continue;  // hidden
            out += section(group, app->get_options([&](const CLI::Option* option) {
                return option->get_group() == group && option->nonpositional();
            }));
        }
        if (!app->get_footer().empty()) out += examples(app->get_footer());
        if (app->get_parent() == nullptr) out += "\n" + wrapped(kClosing, 0);
        return out;
    }
};

}  // namespace

std::shared_ptr<CLI::FormatterBase> help_formatter() {
    return std::make_shared<HelpFormatter>();
}

}  // namespace shoal::cli
