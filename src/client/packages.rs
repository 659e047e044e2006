// SPDX-License-Identifier: GPL-3.0-or-later
//! Looking for packages, installing and removing them.

use crate::{Client, Error};
use model::{JobId, PackageWish, SearchResult, UpdateSet, WishKind};

impl Client {
    async fn packages(&self) -> Result<wire::PackagesProxy<'static>, Error> {
        Ok(wire::PackagesProxy::new(&self.connection().await?).await?)
    }

    /// Packages whose names or summaries have every word of the text, at most `limit` of them, by what the repositories
    /// said when they were last asked.
    pub async fn search(&self, text: &str, limit: u32) -> Result<SearchResult, Error> {
        let (packages, more) = self.packages().await?.search(text, limit).await?;
        Ok(SearchResult {
            packages: packages.into_iter().map(wire::found_from_wire).collect(),
            more,
        })
    }

    /// What a wish would change.
    pub async fn plan_packages(&self, wish: &PackageWish) -> Result<UpdateSet, Error> {
        let (plan,) = self
            .packages()
            .await?
            .plan(wish.kind.as_str(), &wish.names)
            .await?;
        Ok(plan.into())
    }

    /// Installs or removes packages in a new snapshot, which becomes the default. With `ask` the job may ask: whoever calls
    /// this shows what the view says it asks.
    pub async fn change_packages(&self, wish: &PackageWish, ask: bool) -> Result<JobId, Error> {
        let (packages, options) = (self.packages().await?, wire::wish_options(wish, ask));
        let reply = match wish.kind {
            WishKind::Install => packages.install(&wish.names, options).await,
            WishKind::Remove => packages.remove(&wish.names, options).await,
        };
        self.accepted(reply).await
    }
}
