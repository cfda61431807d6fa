#include "cli/settings.hpp"

#include <CLI/CLI.hpp>
#include <cstdlib>

#include "base/error.hpp"
#include "cli/config_file.hpp"
#include "cli/frame.hpp"
#include "cli/suggest.hpp"

namespace shoal::cli {
namespace {

using base::text;
using Kind = ConfigEntry::Kind;

// SHOAL_CACHE is the folder above all caches (platform::cache_folder), not the one that a flag names.
constexpr const char* kCacheFlag = "cache";

// Hidden flags are for Shoal's own processes.
bool is_setting(const CLI::App& command, const CLI::Option& option) {
    if (option.get_lnames().empty() || option.get_group().empty() || &option == command.get_help_ptr()) return false;
    return option.get_lnames().front() != "config";
}

std::map<std::string, CLI::Option*> settings_of(CLI::App& command) {
    std::map<std::string, CLI::Option*> out;
    for (auto* option : command.get_options()) {
        if (is_setting(command, *option)) out.emplace(option->get_lnames().front(), option);
    }
    return out;
}

// -v and -q may stand in front of the command too.
bool given(const CLI::App& command, const CLI::Option& option) {
    const auto* outer = command.get_parent()->get_option_no_throw("--" + option.get_lnames().front());
    return option.count() > 0 || (outer != nullptr && outer->count() > 0);
}

std::string variable(const std::string& flag) {
    const char* value = std::getenv(variable_of(flag).c_str());
    return value != nullptr ? value : "";
}

// What is wrong with the entry's kind for this flag; "" when nothing is.
std::string wrong_kind(const ConfigEntry& entry, const CLI::Option& option) {
    const bool counts = option.get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll;
    const std::string type = option.get_type_name();
    const auto is = [&](const char* name) { return type.rfind(name, 0) == 0; };
    if (option.get_expected_max() == 0) {
        const bool fits = !entry.list && (entry.kind == Kind::truth || (counts && entry.kind == Kind::whole));
        return fits ? "" : counts ? "takes true, false or a number" : "takes true or false";
    }
    if (entry.list && option.get_expected_max() < 2) return "takes one value, not a list";
    if (entry.list && entry.values.empty()) return "";
    if (is("INT") || is("UINT")) return entry.kind == Kind::whole ? "" : "takes a whole number";
    if (is("FLOAT")) return entry.kind == Kind::whole || entry.kind == Kind::real ? "" : "takes a number";
    return entry.kind == Kind::text ? "" : "takes text in quotes, e.g. \"...\"";
}

void check(const ConfigEntry& entry, const std::map<std::string, CLI::Option*>& settings, const std::string& place) {
    const auto found = settings.find(entry.key);
    if (found == settings.end()) {
        std::vector<std::string> names;
        for (const auto& [name, option] : settings)
            names.push_back(name);
        const std::string near = did_you_mean(entry.key, names);
        if (entry.kind == Kind::section)
            throw UsageError(text(place, ": '", entry.key, "' is a section; keys stand alone here", near));
        throw UsageError(text(place, ": there is no key '", entry.key, "'",
                              near.empty() ? "; keys are the command's flags without dashes" : near));
    }
    if (const auto problem = wrong_kind(entry, *found->second); !problem.empty())
        throw UsageError(text(place, ": '", entry.key, "' ", problem));
}

void give(CLI::Option& option, const std::vector<std::string>& values, std::string origin, Origins& origins) {
    if (values.empty()) return;
    origins["--" + option.get_lnames().front()] = std::move(origin);
    for (const auto& value : values)
        option.add_result(value);
    option.run_callback();
}

}  // namespace

std::string variable_of(std::string flag) {
    for (char& c : flag)
        c = c == '-' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return "SHOAL_" + flag;
}

void apply_settings(CLI::App& command, const std::string& config, Origins& origins) {
    const auto settings = settings_of(command);
    for (const auto& [name, option] : settings) {
        if (given(command, *option) || name == kCacheFlag) continue;
        if (const auto value = variable(name); !value.empty()) give(*option, {value}, variable_of(name), origins);
    }
    if (config.empty()) return;
    for (const auto& entry : read_config(config)) {
        const std::string place = text(config, ", line ", entry.line);
        check(entry, settings, place);
        auto& option = *settings.at(entry.key);
        if (given(command, option) || !variable(entry.key).empty()) continue;
        give(option, entry.values, text("'", entry.key, "' in ", place), origins);
    }
}

std::string with_origin(std::string message, const Origins& origins) {
    for (const auto& [flag, origin] : origins) {
        const bool about = message.rfind(flag, 0) == 0 && message.find_first_of(": ", flag.size()) == flag.size();
        if (about) return message + " (" + origin + ")";
    }
    return message;
}

}  // namespace shoal::cli
