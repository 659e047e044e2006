// SPDX-License-Identifier: GPL-3.0-or-later
//! Looking for packages, and what installing or removing some would change. Nothing is changed here, and no repository is
//! asked: what they said last counts.

use super::{View, ask};
use crate::native::NativeEngine;
use crate::packages::{CACHE, Package};
use crate::{Context, Error};
use model::{Listed, PackageWish, SearchResult, UpdateSet, search_rank, search_words};
use std::collections::BTreeMap;

/// Packages whose names or summaries have every word of the text, at most `limit`.
pub(crate) fn search(
    engine: &NativeEngine,
    text: &str,
    limit: usize,
    context: &Context<'_>,
) -> Result<SearchResult, Error> {
    let words = search_words(text);
    ask(
        engine,
        context,
        (View::ReadOnly, CACHE),
        |packages, inside, context, installed| {
            let mut found: Vec<(u8, String, String)> = packages
                .listed(inside, context)?
                .into_iter()
                .filter_map(|(name, summary)| Some((search_rank(&words, &name, &summary)?, name, summary)))
                .collect();
            found.sort();
            found.dedup_by(|a, b| a.1 == b.1);
            let more = found.len().saturating_sub(limit);
            found.truncate(limit);
            let names: Vec<String> = found.iter().map(|(_, name, _)| name.clone()).collect();
            let mut versions = match names.is_empty() {
                true => BTreeMap::new(),
                false => packages.candidates(inside, context, &names)?,
            };
            let present: BTreeMap<&str, &Package> =
                installed.iter().map(|it| (it.name.as_str(), it)).collect();
            let listed = found.into_iter().map(|(_, name, summary)| Listed {
                version: versions.remove(&name).unwrap_or_default(),
                installed: present
                    .get(name.as_str())
                    .map(|it| it.version.clone())
                    .unwrap_or_default(),
                name,
                summary,
            });
            Ok(SearchResult {
                packages: listed.collect(),
                more: u32::try_from(more).unwrap_or(u32::MAX),
            })
        },
    )
}

/// What a wish would change.
pub(crate) fn plan_packages(
    engine: &NativeEngine,
    wish: &PackageWish,
    context: &Context<'_>,
) -> Result<UpdateSet, Error> {
    ask(
        engine,
        context,
        (View::ReadOnly, CACHE),
        |packages, inside, context, installed| packages.plan(inside, context, wish, installed),
    )
}
