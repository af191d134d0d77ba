//! Why nothing was said.

use contract_types::ErrorCode;

use crate::limits::LimitError;
use crate::platform::JobError;
use crate::ports::ModelError;

/// Why a text was not spoken.
#[derive(Debug, thiserror::Error)]
pub enum SpeechError {
    /// The tenant has no provider.
    #[error("the tenant has no speech provider")]
    NotEnabled,
    /// The text is longer than the tenant allows.
    #[error(transparent)]
    TooLong(#[from] LimitError),
    /// No provider of the tenant has this voice.
    #[error("name a voice that GET /tts/voices lists, or none")]
    UnknownVoice,
    /// The voice, or every voice, speaks other languages.
    #[error("name a language that a voice of GET /tts/voices speaks, or none")]
    UnknownLanguage,
    /// The deployment cannot make this format.
    #[error("name one of the formats of GET /tts/voices")]
    UnknownFormat,
    /// The text holds nothing that can be heard.
    #[error("the text holds nothing that can be spoken")]
    NothingToSay,
    /// No provider spoke.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The job could not be stored.
    #[error(transparent)]
    Job(#[from] Box<JobError>),
}

impl SpeechError {
    /// Contract code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::NotEnabled => ErrorCode::TtsNotEnabled,
            Self::TooLong(error) => error.code(),
            Self::UnknownVoice | Self::UnknownLanguage | Self::UnknownFormat | Self::NothingToSay => {
                ErrorCode::ValidationError
            }
            Self::Model(error) => error.code(),
            Self::Job(error) => error.code(),
        }
    }

    /// JSON pointer to what the request has wrong, and the keyword that says what kind of wrong it is.
    pub fn place(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::UnknownVoice => Some(("/voice", "enum")),
            Self::UnknownLanguage => Some(("/language", "enum")),
            Self::UnknownFormat => Some(("/format", "enum")),
            Self::NothingToSay => Some(("/text", "minLength")),
            Self::TooLong(_) => Some(("/text", "maxLength")),
            Self::NotEnabled | Self::Model(_) | Self::Job(_) => None,
        }
    }
}
