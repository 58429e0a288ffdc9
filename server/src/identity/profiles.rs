//! Profiles: what a person says of herself, and her picture, which is a file outside of the database.

use super::AccountId;
use super::accounts::role;
use super::picture::{self, PictureError};
use crate::content::{ContentId, ContentStore};
use crate::database::{Database, DatabaseError, Row, params};
use relay::vocabulary::{ChangeProfile, Me, Profile};
use std::path::Path;
use std::sync::Arc;
use tokio::sync::Mutex;

/// Folder of the pictures inside the data folder.
const FOLDER: &str = "pictures";

/// Why a picture was not kept, read or let go.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// It cannot be used.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// The disk refused.
    #[error("the pictures in the data folder cannot be used: {0}")]
    Disk(#[from] std::io::Error),
    /// The database did not answer.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The server is closing.
    #[error("the server is shutting down")]
    Closing,
}

/// All profiles.
#[derive(Debug)]
pub struct Profiles {
    database: Arc<Database>,
    store: Arc<ContentStore>,
    /// One picture is decoded and noted at a time: each may take much memory, and one may be let go of that is just
    /// being kept again.
    pictures: Mutex<()>,
}

impl Profiles {
    /// The profiles in `database`, with their pictures in the data folder.
    pub fn new(database: Arc<Database>, data: &Path) -> Self {
        Self { database, store: Arc::new(ContentStore::new(data.join(FOLDER))), pictures: Mutex::default() }
    }

    /// What an account says of itself and may do, unless removed.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn me(&self, account: AccountId) -> Result<Option<Me>, DatabaseError> {
        let sql = "SELECT id, name, display_name, status_text, picture, language, role FROM accounts
                   WHERE id = ?1 AND removed_at IS NULL";
        let read = |row: &Row<'_>| {
            Ok(Me { profile: profile(row)?, language: row.get(5)?, role: role(&row.get::<String>(6)?) })
        };
        self.database.read(move |c| c.query_optional(sql, params![account], read)).await
    }

    /// What others see of these accounts, in no order; removed ones are left out.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn of(&self, accounts: Vec<AccountId>) -> Result<Vec<Profile>, DatabaseError> {
        let sql = "SELECT id, name, display_name, status_text, picture FROM accounts
                   WHERE id = ?1 AND removed_at IS NULL";
        self.database
            .read(move |c| {
                let found = accounts.iter().map(|account| c.query_optional(sql, params![account], profile));
                Ok(found.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
            })
            .await
    }

    /// Changes what an account says of itself.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn change(&self, account: AccountId, change: ChangeProfile) -> Result<(), DatabaseError> {
        let sql = "UPDATE accounts SET display_name = coalesce(?2, display_name),
                       status_text = coalesce(?3, status_text), language = coalesce(?4, language)
                   WHERE id = ?1 AND removed_at IS NULL";
        let ChangeProfile { display_name, status_text, language } = change;
        let trimmed = |text: Option<String>| text.map(|text| text.trim().to_owned());
        let (display_name, status_text) = (trimmed(display_name), trimmed(status_text));
        self.database
            .write(move |c| c.execute(sql, params![account, display_name, status_text, language]).map(drop))
            .await
    }

    /// Gives an account a picture, in place of the one it had. Says its name.
    ///
    /// # Errors
    /// [`ProfileError`].
    pub async fn set_picture(&self, account: AccountId, sent: Vec<u8>) -> Result<ContentId, ProfileError> {
        let _alone = self.pictures.lock().await;
        let store = self.store.clone();
        let keep = move || Ok::<_, ProfileError>(store.keep(&picture::made_small(&sent)?)?);
        let id = tokio::task::spawn_blocking(keep).await.map_err(|_| ProfileError::Closing)??;
        self.replace(account, Some(id)).await?;
        Ok(id)
    }

    /// Takes an account's picture away.
    ///
    /// # Errors
    /// [`ProfileError`].
    pub async fn clear_picture(&self, account: AccountId) -> Result<(), ProfileError> {
        let _alone = self.pictures.lock().await;
        self.replace(account, None).await
    }

    /// A picture, as JPEG.
    ///
    /// # Errors
    /// [`ProfileError`].
    pub async fn picture(&self, id: ContentId) -> Result<Option<Vec<u8>>, ProfileError> {
        let store = self.store.clone();
        let read = tokio::task::spawn_blocking(move || store.read(id));
        Ok(read.await.map_err(|_| ProfileError::Closing)??)
    }

    /// Removes a picture whose owner is gone, unless it is somebody else's as well.
    ///
    /// # Errors
    /// [`ProfileError`].
    pub async fn let_go(&self, picture: &str) -> Result<(), ProfileError> {
        let _alone = self.pictures.lock().await;
        let name = picture.to_owned();
        let used = self.database.read(move |c| c.exists(USED, params![name])).await?;
        if used { Ok(()) } else { self.remove(picture).await }
    }

    async fn remove(&self, picture: &str) -> Result<(), ProfileError> {
        let Ok(id) = picture.parse() else { return Ok(()) };
        let store = self.store.clone();
        Ok(tokio::task::spawn_blocking(move || store.remove(id)).await.map_err(|_| ProfileError::Closing)??)
    }

    /// Notes the new picture and removes the former one, if it is nobody's any more.
    async fn replace(&self, account: AccountId, picture: Option<ContentId>) -> Result<(), ProfileError> {
        let picture = picture.map(|id| id.to_string());
        let unused = self
            .database
            .write(move |c| {
                let sql = "SELECT picture FROM accounts WHERE id = ?1";
                let former: Option<String> = c.query_optional(sql, params![account], |row| row.get(0))?.flatten();
                let sql = "UPDATE accounts SET picture = ?2 WHERE id = ?1 AND removed_at IS NULL";
                c.execute(sql, params![account, picture])?;
                let Some(former) = former else { return Ok(None) };
                let used = c.exists(USED, params![former])?;
                Ok((!used).then_some(former))
            })
            .await?;
        match unused {
            Some(unused) => self.remove(&unused).await,
            None => Ok(()),
        }
    }
}

const USED: &str = "SELECT 1 FROM accounts WHERE picture = ?1 LIMIT 1";

fn profile(row: &Row<'_>) -> Result<Profile, DatabaseError> {
    Ok(Profile {
        id: row.get(0)?,
        name: row.get(1)?,
        display_name: row.get(2)?,
        status_text: row.get(3)?,
        picture: row.get(4)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::both::{Engine, Home, on_both};
    use crate::identity::{Accounts, Actor, Hasher};
    use relay::vocabulary::Role;

    async fn a_profile_is_changed_in_part_and_seen_by_others(engine: Engine) {
        let home = Home::of(engine);
        let database = Arc::new(home.open().unwrap());
        let accounts = Accounts::new(database.clone(), Arc::new(Hasher::start(1).unwrap()));
        for name in ["alice", "bob"] {
            accounts.add(name, None, Role::Member, Actor::console()).await.unwrap();
        }
        let profiles = Profiles::new(database, home.folder.path());
        let change = |display_name: Option<&str>, status_text: Option<&str>| ChangeProfile {
            display_name: display_name.map(str::to_owned),
            status_text: status_text.map(str::to_owned),
            language: None,
        };
        profiles.change(1, change(Some(" Alice A. "), Some("at lunch"))).await.unwrap();
        profiles.change(1, change(None, Some(""))).await.unwrap();
        let me = profiles.me(1).await.unwrap().unwrap();
        assert_eq!((me.profile.display_name.as_str(), me.profile.status_text.as_str()), ("Alice A.", ""));
        assert_eq!((me.role, profiles.me(9).await.unwrap()), (Role::Member, None));

        let png = |shade: u8| {
            let mut bytes = std::io::Cursor::new(Vec::new());
            let image = image::GrayImage::from_pixel(8, 8, image::Luma([shade]));
            image.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
            bytes.into_inner()
        };
        let first = profiles.set_picture(1, png(0)).await.unwrap();
        assert_eq!(profiles.set_picture(2, png(0)).await.unwrap(), first, "the same picture is kept once");
        let second = profiles.set_picture(1, png(255)).await.unwrap();
        assert!(profiles.picture(first).await.unwrap().is_some(), "it is still somebody's");
        profiles.clear_picture(2).await.unwrap();
        assert_eq!(profiles.picture(first).await.unwrap(), None);
        let seen = profiles.of(vec![1, 2, 9]).await.unwrap();
        let pictures: Vec<_> = seen.iter().map(|profile| profile.picture.clone()).collect();
        assert_eq!(pictures, [Some(second.to_string()), None]);
        assert!(matches!(profiles.set_picture(1, b"no picture".to_vec()).await, Err(ProfileError::Picture(_))));
        assert_eq!(profiles.me(1).await.unwrap().unwrap().profile.picture, Some(second.to_string()));
    }

    on_both!(a_profile_is_changed_in_part_and_seen_by_others);
}
