// Flags that the command line leaves out: from the environment, else from the file that --config names.
//
// The flag --request-memory is the variable SHOAL_REQUEST_MEMORY and the key `request-memory`. docs/service.md tells it
// to users.
#pragma once

#include <map>
#include <string>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace shoal::cli {

/// Where a flag's value was read, by the flag's name with its dashes; those of the command line are not in it.
using Origins = std::map<std::string, std::string>;

/// "SHOAL_REQUEST_MEMORY" for "request-memory".
[[nodiscard]] std::string variable_of(std::string flag);

/// Gives the parsed command's flags, where they have none, a value; `config` is the file, "" for none. Adds to
/// `origins`. Throws UsageError naming file, line and key for keys that are no flags and for values of the wrong kind,
/// CLI's ParseError for values that the flag refuses, not_found or io.
void apply_settings(CLI::App& command, const std::string& config, Origins& origins);

/// The message, and where the value came from when it begins with a flag that was not given on the command line.
[[nodiscard]] std::string with_origin(std::string message, const Origins& origins);

}  // namespace shoal::cli
