//! The reasons in Japanese: why a run stops for a user, why a person must decide, and why a call failed.

use super::EventProblem;
use crate::{
    contract::{member_event::MemberEventError, user_entry::TAGS},
    model::{access_key::LastUse, parse_error::one_line, time::Span, user_config_error::UserConfigError},
    protocol::{
        call::Call,
        call_error::{CallError, Effect, ErrorCode, TopicKeyProblem},
        journal::{OWN_TAGS, PREFIX},
        stop_reason::{NeedsAttention, StopReason, Unheard},
    },
    report::run_report::{Outcome, UserReport},
};

/// Why the run stopped for a user.
pub(super) fn why(user: &UserReport) -> String {
    let is_held_back = user.result == Outcome::Waiting
        && matches!(user.rest, StopReason::Overlap(..) | StopReason::UnmadePair(..) | StopReason::Window(..));
    let not_yet = if is_held_back { "まだローテーションしていません。" } else { "" };
    format!("{not_yet}{}", rest(&user.rest))
}

fn rest(rest: &StopReason) -> String {
    match rest {
        StopReason::StillInUse(key, LastUse::Unknown) => {
            format!("以前のキー {key} が使われているかどうかを確認できません")
        }
        StopReason::StillInUse(key, last_use) => {
            format!("以前のキー {key} がまだ使われています({})", last_used(last_use))
        }
        StopReason::Busy(_, until) => {
            format!("別の実行がローテーション中です。終わらない場合は {} 以降の実行が引き継ぎます", until.to_minute())
        }
        StopReason::OutOfTime => "残り時間が足りません。次回の実行時にローテーションします".to_owned(),
        StopReason::NoConfirmedRecipient(Unheard::Secret) => {
            "新しいキーのメールの受信を承認した宛先がありません。AWS からの確認メールで承認してください".to_owned()
        }
        StopReason::NoConfirmedRecipient(Unheard::Notices) => {
            "お知らせの受信を承認した宛先がないため、処理を始めません。AWS からの確認メールで承認してください"
                .to_owned()
        }
        StopReason::Recent(key, until) => {
            let until = until.to_minute();
            format!(
                "キー {key} は、終わっていない可能性のある実行が変更したばかりです。{until} 以降の実行が続きを行うまで、使わないでください"
            )
        }
        StopReason::NotVisible(key) => {
            format!("発行したばかりのキー {key} がまだ一覧に現れません。次回の実行時に続きを行います")
        }
        StopReason::NeedsAttention(doubt) => reason(doubt),
        StopReason::Failed(failed) => {
            format!("{} に失敗しました。理由: {}", failed_call(&failed.0), failure_text(&failed.1))
        }
        StopReason::Withdrawn(failed) => format!(
            "{} に失敗したため、新しいキーを削除しました。以前のキーはそのままです。理由: {}",
            failed_call(&failed.0),
            failure_text(&failed.1)
        ),
        StopReason::Overlap(key, until) => {
            format!("以前のキー {key} は {} まで有効です", until.to_minute())
        }
        StopReason::Window(key, until) => {
            format!("無効なキー {key} は {} まで保管されます", until.to_minute())
        }
        StopReason::Undone(key, until) => {
            format!("以前のキー {key} を再び有効にしました。{} まではそのままです", until.to_minute())
        }
        StopReason::NoKeys => "アクセスキーがありません".to_owned(),
        StopReason::Disabled => "すべてのキーが無効のため、新しいキーは発行しません".to_owned(),
        StopReason::Healthy(due) => format!("ローテーションの時期は {} です", due.to_minute()),
        StopReason::Reactivated(key) => format!("キー {key} を再び有効にしました"),
        StopReason::UnmadePair(key, until) => format!(
            "ローテーションが発行したものではない有効なキーが 2 つあります。古いほうの {key} は、使われていなければ {} 以降に無効にします",
            until.to_minute()
        ),
        StopReason::UnmadePairInUse(key, last_use) => format!(
            "ローテーションが発行したものではない有効なキーが 2 つあり、古いほうの {key} が使われています({})",
            last_used(last_use)
        ),
        StopReason::Unused(key, until) => {
            format!("キー {key} は使われていません。使われないままであれば {} 以降に無効にします", until.to_minute())
        }
        StopReason::Revoked(key) => format!("キー {key} は失効しています"),
        StopReason::NoSuchKey(key) => format!("キー {key} はこのユーザーにありません"),
        StopReason::Adopted => "このスタックの管理対象になりました".to_owned(),
        StopReason::Released => "ローテーションの記録をすべて削除しました".to_owned(),
        StopReason::NothingToUndo => "再び有効にできるキーがありません".to_owned(),
        StopReason::TooLateToUndo(key) => format!("無効なキー {key} はまもなく削除されるため、再び有効にしません"),
    }
}

/// Why a person must decide.
pub(super) fn reason(doubt: &NeedsAttention) -> String {
    match doubt {
        NeedsAttention::Journal(garbled) => {
            let value = one_line(&garbled.value);
            format!("タグ {} の値が「{value}」ですが、ローテーションがこのような値を書くことはありません", garbled.tag)
        }
        NeedsAttention::Future(at) => {
            format!("タグ {PREFIX}… に、まだ来ていない日時({})が書かれています", at.to_minute())
        }
        NeedsAttention::UnclearOrigin => {
            "中断されたローテーションがありますが、どのキーが作成されたのか判断できません".to_owned()
        }
        NeedsAttention::OrphanInUse(key, last_use) => format!(
            "中断されたローテーションで作成されたと思われるキー {key} が使われています({})",
            last_used(last_use)
        ),
        NeedsAttention::SameAge => {
            "有効な 2 つのキーが同じ秒に作成されていて、どちらが古いのか判断できません".to_owned()
        }
        NeedsAttention::ForeignKey { delivered, foreign } => format!(
            "配布済みのキー {delivered} の期限が来ましたが、ローテーションが作成した記録のないキー {foreign} があるため、新しいキーを作成できません"
        ),
        NeedsAttention::LateDelivery { key, at, until } => format!(
            "キー {key} は、そのキー自身の期限を過ぎた {} に配布されたと記録されています。以前のキーは {} まで有効です",
            at.to_minute(),
            until.to_minute()
        ),
        NeedsAttention::ManagedBy(manager) => {
            let (stack, region) = (manager.stack(), manager.region());
            format!("このユーザーのキーは、{region} の別のスタック {stack} も管理しています")
        }
        NeedsAttention::OtherChannel => {
            "配布方法が変更される前に中断されたローテーションがあり、そのキーが所有者に届いたかどうかを判断できません".to_owned()
        }
        NeedsAttention::Left => {
            "このユーザーは対象から外れましたが、ローテーションが終わっていないため、2 つのキーが有効なままの可能性があります".to_owned()
        }
        NeedsAttention::TooManyKeys(keys) => format!("アクセスキーが {keys} 個あります(IAM の上限は 2 個です)"),
        NeedsAttention::UserConfigError(unclear) => self::unclear(unclear),
        NeedsAttention::NoRoom(tags) => format!(
            "ユーザーにタグが {tags} 個あります(IAM の上限は 50 個で、ローテーションには {OWN_TAGS} 個分の空きが必要です)"
        ),
    }
}

fn unclear(unclear: &UserConfigError) -> String {
    match unclear {
        UserConfigError::Tag { tag, value, .. } => {
            let form = match *tag {
                tag if tag == TAGS[0] => "メールアドレス",
                _ => "30d、12h のような期間",
            };
            format!("タグ {tag} の値が「{}」ですが、{form}でなければなりません", one_line(value))
        }
        UserConfigError::Stranger(owner) => {
            format!("タグ {} の宛先 {} は、rotation.yaml の emails にも owner にもありません", TAGS[0], one_line(owner))
        }
        UserConfigError::TooShort { rotate_after, life } => format!(
            "ローテーションの間隔({})が、古いキーの残る期間({})より短くなっています",
            spoken(*rotate_after),
            spoken(*life)
        ),
        UserConfigError::Spelling(name) => format!(
            "IAM でのユーザー名の表記は {name} ですが、rotation.yaml の users では異なります。ポリシーの ARN は大文字と小文字を区別するため、\
             ロールがこのユーザーを扱えないことがあります"
        ),
        UserConfigError::Path(path) => format!("パス {} に、扱えない文字があります", one_line(path)),
    }
}

/// Why a member's event is not mailed to its recipients. What the handler says of an event that is not valid stays as it is.
pub(super) fn event_reason(problem: &EventProblem) -> String {
    match problem {
        EventProblem::OtherAccount(Some(account)) => {
            format!("お知らせにアカウント {} が記載されています", one_line(account))
        }
        EventProblem::OtherAccount(None) => "お知らせにアカウントの記載がありません".to_owned(),
        EventProblem::RefusedBySns(failure) => format!("SNS がメールを拒否しました: {}", failure_text(failure)),
        EventProblem::Unreadable(MemberEventError::Unknown(what)) => format!("未対応の値です: {}", one_line(what)),
        EventProblem::Unreadable(MemberEventError::Invalid(what)) => format!("形式の誤り: {}", one_line(what)),
    }
}

/// The last use that IAM has on record.
pub(super) fn last_used(last_use: &LastUse) -> String {
    match last_use {
        LastUse::Never => "使用履歴なし".to_owned(),
        LastUse::Used { at, service, region } => {
            format!("{} の {}、{}", one_line(region), one_line(service), at.to_minute())
        }
        LastUse::Unknown => "使用履歴を確認できません".to_owned(),
    }
}

/// The call that failed, under the name that AWS gives the operation.
pub(super) fn failed_call(call: &Call) -> String {
    call.key().map_or_else(|| one_line(&call.to_string()), |key| format!("キー {key} の {}", call.operation()))
}

/// Why a call failed. The words of AWS stay as they are.
pub(super) fn failure_text(failure: &CallError) -> String {
    let CallError { effect, code, message } = failure;
    let message = one_line(message);
    let text = match own_words(code) {
        Some((words, true)) => format!("{words}(詳細: {message})"),
        Some((words, false)) => words.to_owned(),
        None => message,
    };
    let note = match effect {
        Effect::None => "",
        Effect::Unknown => "。操作は行われた可能性があります",
    };
    let advice = code.topic_key_problem().map(|problem| format!("。{}", topic_key_advice(problem))).unwrap_or_default();
    format!("{}: {text}{note}{advice}", one_line(code.as_str()))
}

/// What the handler itself says of a failure, and whether its English message has details. `None` if AWS says it.
fn own_words(code: &ErrorCode) -> Option<(&'static str, bool)> {
    Some(match code {
        ErrorCode::Aws(_) => return None,
        ErrorCode::NotSent => ("リクエストを作成できませんでした", false),
        ErrorCode::Timeout => ("時間内に応答がありませんでした", false),
        ErrorCode::NoConnection => ("AWS に接続できませんでした", true),
        ErrorCode::UnreadableAnswer => ("応答を読み取れませんでした", false),
        ErrorCode::IncompleteAnswer => ("応答に必要な項目がありません", true),
        ErrorCode::UnexpectedAnswer => ("応答の内容が想定と異なります", true),
        ErrorCode::UnknownError => ("AWS が理由を示さずに拒否しました", true),
        ErrorCode::UnreadableReport => ("IAM の認証情報レポートを読み取れませんでした", true),
        ErrorCode::ReportInProgress => ("IAM の認証情報レポートがまだ作成されていません", false),
        ErrorCode::WrongIdentity => ("新しいキーが別のユーザーのものとして認識されました", true),
        ErrorCode::NotVerified => ("新しいキーが AWS に連続して受け入れられることを確認できませんでした", false),
        ErrorCode::NotReadBack => {
            ("シークレットは保存されましたが、Secrets Manager が現在のバージョンとして表示しません", false)
        }
        ErrorCode::SecretBeingDeleted => ("シークレットの削除が予定されています。復元してください", true),
        ErrorCode::OtherKmsKey => {
            ("シークレットの KMS キーが secret_kms_key と異なります。シークレットを変更してください", true)
        }
        ErrorCode::NotEncrypted => ("メールを暗号化できませんでした", true),
        ErrorCode::NotSerialized => ("新しいキーを JSON として書き出せませんでした", true),
        ErrorCode::NoSecret => ("この実行は新しいキーのシークレットを保持していません", false),
        ErrorCode::NoTimeLeft => ("実行の残り時間がなくなりました。以降の実行時に続きを行います", false),
        ErrorCode::NoEnd => ("想定された回数の操作では終わりませんでした", true),
        ErrorCode::DryRun => ("ドライランで仮のキーを作成できませんでした", true),
    })
}

/// What to do if SNS cannot use the KMS key of the topics.
const fn topic_key_advice(problem: TopicKeyProblem) -> &'static str {
    match problem {
        TopicKeyProblem::AccessDenied => {
            "関数のロールがトピックの KMS キーを使用できません。キーのポリシーで kms:GenerateDataKey と kms:Decrypt を許可し、\
             もう一度デプロイしてください"
        }
        TopicKeyProblem::Disabled => {
            "トピックの KMS キーが無効です。キーを有効にしてください: aws kms enable-key --region REGION --key-id KEY。\
             KEY は次のコマンドで確認できます: aws sns get-topic-attributes --region REGION --topic-arn TOPIC"
        }
        TopicKeyProblem::InvalidState => {
            "トピックの KMS キーを使用できない状態です。状態を確認してください: aws kms describe-key --region REGION --key-id KEY。\
             KEY は次のコマンドで確認できます: aws sns get-topic-attributes --region REGION --topic-arn TOPIC。\
             削除が予定されている場合は、取り消してから有効にしてください: aws kms cancel-key-deletion --region REGION --key-id KEY"
        }
        TopicKeyProblem::NotFound => {
            "トピックの KMS キーが存在しません。topic_kms_key に別のキーを指定し、もう一度デプロイしてください"
        }
        TopicKeyProblem::OptInRequired => {
            "アカウントで KMS を使用できません。AWS への登録を完了するか、AWS サポートに問い合わせてください"
        }
        TopicKeyProblem::Throttling => {
            "アカウントの KMS のリクエスト数が上限を超えています。次回の実行時にもう一度試します"
        }
    }
}

/// A span in the words that people use, for example for `14d`.
pub(super) fn spoken(span: Span) -> String {
    let text = span.to_string();
    let unit = match text.chars().last() {
        Some('d') => "日",
        Some('h') => "時間",
        Some('m') => "分",
        _ => "秒",
    };
    format!("{} {unit}", text.trim_end_matches(char::is_alphabetic))
}
