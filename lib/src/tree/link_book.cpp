// SPDX-License-Identifier: MIT
#include "tree/link_book.h"

#include <algorithm>
#include <utility>

namespace rawimg {

void LinkBook::wait(const std::string& target_key, Waiting link) {
  link.sequence = ++sequence_;
  live_[link.link_key] = link.sequence;
  by_target_[target_key].push_back(std::move(link));
}

bool LinkBook::is_live(const Waiting& link) const {
  const auto it = live_.find(link.link_key);
  return it != live_.end() && it->second == link.sequence;
}

std::vector<LinkBook::Waiting> LinkBook::take_waiting(const std::string& target_key) {
  const auto it = by_target_.find(target_key);
  if (it == by_target_.end()) return {};
  std::vector<Waiting> links = std::move(it->second);
  by_target_.erase(it);
  std::erase_if(links, [this](const Waiting& link) { return !is_live(link); });
  for (const Waiting& link : links) live_.erase(link.link_key);
  return links;
}

void LinkBook::note_arrival(const std::string& key) {
  live_.erase(key);
  skipped_.erase(key);
}

std::optional<LinkBook::Waiting> LinkBook::first_waiting() const {
  const Waiting* first = nullptr;
  for (const auto& [target, links] : by_target_)
    for (const Waiting& link : links)
      if (is_live(link) && (first == nullptr || link.sequence < first->sequence)) first = &link;
  return first == nullptr ? std::nullopt : std::optional(*first);
}

}  // namespace rawimg
