// Regular files of a tar archive. Private to this folder.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace wbs::datasets {

/// Calls `use(name, bytes)` for every regular member for which `wanted(name)` holds, in the
/// archive's order; names come without a leading "./". A tar or tar.gz archive. Throws
/// Error(input) naming the archive and the last member when it is damaged, Error(unsupported)
/// when the wanted members are larger than `limit_bytes` together.
void for_each_member(const std::string& path, std::int64_t limit_bytes,
                     const std::function<bool(std::string_view)>& wanted,
                     const std::function<void(std::string_view, std::string)>& use);

}  // namespace wbs::datasets
