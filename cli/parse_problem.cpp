#include "cli/parse_problem.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/error.hpp"
#include "cli/suggest.hpp"
#include "cli/text.hpp"

namespace shoal::cli {
namespace {

using base::text;

std::vector<std::string> flags_of(const CLI::App& app) {
    std::vector<std::string> out;
    for (const auto* option : app.get_options()) {
        for (const auto& name : option->get_lnames())
            out.push_back("--" + name);
        for (const auto& name : option->get_snames())
            out.push_back("-" + name);
    }
    return out;
}

std::vector<std::string> commands_of(const CLI::App& app) {
    std::vector<std::string> out;
    for (const auto* command : app.get_subcommands({}))
        out.push_back(command->get_name());
    return out;
}

std::string help_hint(const CLI::App& command) {
    const auto* parent = command.get_parent();
    return text("'", parent != nullptr ? parent->get_name() + " " : "", command.get_name(), " --help' lists ",
                parent != nullptr ? "its flags" : "the commands");
}

std::string unknown_flag(const CLI::App& command, const std::string& word) {
    const std::string flag = word.substr(0, word.find('='));
    const std::string near = did_you_mean(flag, flags_of(command));
    return text("there is no flag '", flag, "'", near.empty() ? "; " + help_hint(command) : near);
}

std::string unknown_command(const CLI::App& app, const std::string& word) {
    const std::string near = did_you_mean(word, commands_of(app));
    return text("there is no command '", word, "'", near.empty() ? "; " + help_hint(app) : near);
}

std::string after(const std::string& whole, std::string_view mark) {
    const auto at = whole.find(mark);
    return at == std::string::npos ? "" : whole.substr(at + mark.size());
}

// CLI11's sentences about one flag, said as Shoal says things.
std::string about_value(const CLI::ParseError& error) {
    const std::string said = error.what();
    if (const auto rest = after(said, "Could not convert: "); !rest.empty()) {
        const auto equals = rest.find(" = ");
        return text(rest.substr(0, equals), ": cannot read '",
                    equals == std::string::npos ? "" : rest.substr(equals + 3), "' as a number");
    }
    const std::string name = said.substr(0, said.find(':'));
    if (said.find("required but received") != std::string::npos) return name + " is given more than once";
    if (said.find("missing") != std::string::npos) return name + " needs a value behind it";
    return said;
}

}  // namespace

std::string parse_problem(const CLI::App& app, const CLI::ParseError& error) {
    const auto chosen = app.get_subcommands();
    const CLI::App& command = chosen.empty() ? app : *chosen.back();
    // An unknown word says more than what is missing because of it.
    const auto unknown = app.remaining(true);
    const auto flag = std::find_if(unknown.begin(), unknown.end(),
                                   [](const auto& word) { return word.size() > 1 && word[0] == '-' && word != "--"; });
    if (chosen.empty() && !unknown.empty() && flag != unknown.begin()) return unknown_command(app, unknown.front());
    if (flag != unknown.end()) return unknown_flag(command, *flag);
    if (chosen.empty() && unknown.empty()) return "no command was given; " + help_hint(app);
    if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) return text(error.what(), "; ", help_hint(command));
    if (!unknown.empty()) {
        return text("'", unknown.front(), "' is one argument too many; ", help_hint(command));
    }
    return about_value(error);
}

}  // namespace shoal::cli
