//! The mails in Japanese.

use std::fmt::Write;

use super::{
    Aftermath, Digested, Mail, NoticeKind, Rotated, SecretLocation,
    digest::{cut, news},
};
use crate::{
    contract::user_entry::TAGS,
    model::{
        access_key::{AccessKeyId, KeyStatus, LastUse},
        email::Email,
        parse_error::one_line,
        time::{Span, Timestamp},
        user::UserName,
        user_config_error::UserConfigError,
    },
    protocol::{
        call::{Call, RemovalReason, Warning},
        call_error::CallError,
        journal::{DELIVERED, INTENT, LEASE, OWN_TAGS, PREFIX},
        overdue::Overdue,
        policy::DeleteAfter,
        stop_reason::{NeedsAttention, StopReason, Unheard},
    },
    report::run_report::{KeyChange, Outcome, Summary, UserReport},
};

pub(super) fn rotated(facts: &Rotated<'_>) -> Mail {
    let Rotated { user, key, now, .. } = facts;
    let mut body = format!("IAM ユーザー {user} に新しいアクセスキーを発行しました。\n\n・アクセスキー ID: {key}\n");
    match &facts.secret {
        SecretLocation::InThisMail(secret) => {
            let _ = writeln!(body, "・シークレットアクセスキー: {}", secret.expose());
            let _ = writeln!(body, "・発行日時: {}", now.to_minute());
            body.push_str("\n新しいキーに設定を切り替えたあと、このメールを削除してください。\n");
        }
        SecretLocation::Encrypted(block) => {
            body.push_str("・シークレットアクセスキー: 下のブロックに暗号化されています\n");
            let _ = writeln!(body, "・発行日時: {}", now.to_minute());
            let commands = block.commands("KEY_FILE");
            let run = if commands.len() == 1 {
                "次のコマンド"
            } else {
                "次のうちお使いの鍵に合うコマンド"
            };
            let _ = write!(
                body,
                "\n新しいキーに設定を切り替えてください。{run}を実行し、\n\n{}\n続けて下のブロックを最初の「-」から最後の「-」まで貼り付けると\
                 取得できます。各行の先頭に「>」や空白を入れないでください。\n\n{}",
                commands.concat(),
                block.text
            );
        }
        SecretLocation::SecretsManager(name) => {
            let _ = writeln!(body, "・シークレットアクセスキー: Secrets Manager の {name} にあります");
            let _ = writeln!(body, "・発行日時: {}", now.to_minute());
            let _ = write!(
                body,
                "\n新しいキーに設定を切り替えてください。次のコマンドで取得できます。\n\n    \
                 aws secretsmanager get-secret-value --secret-id '{name}' --query SecretString --output text\n"
            );
        }
    }
    for old in &facts.replaced {
        let _ = write!(body, "\n以前のキー {}({} 作成)は", old.id, old.created.to_minute());
        let fate = facts.fate();
        let fate_of_key = match (old.status, fate.at_once) {
            (KeyStatus::Inactive, _) => "すでに無効です。".to_owned(),
            (KeyStatus::Active, true) => "ただちに無効になります。".to_owned(),
            (KeyStatus::Active, false) => format!("少なくとも {} まで有効です。", fate.active_until.to_minute()),
        };
        body.push_str(&fate_of_key);
        if old.status == KeyStatus::Active && fate.waits_while_in_use {
            body.push_str("まだ使われている場合は、使われなくなるまで有効のままです。");
        }
        body.push('\n');
        let _ = match fate.deleted {
            DeleteAfter::NextRotation => {
                writeln!(body, "次回のローテーションで削除されます。それまでは再び有効にできます。")
            }
            DeleteAfter::Window(Span::ZERO) => writeln!(body, "無効になりしだい削除されます。"),
            DeleteAfter::Window(span) => {
                writeln!(body, "無効になってから {}後に削除されます。それまでは再び有効にできます。", spoken(span))
            }
        };
    }
    Mail { subject: format!("AWS アクセスキーを更新しました - {user}"), body }
}

pub(super) fn warning(user: &UserName, warning: &Warning) -> Mail {
    let (subject, body) = match warning {
        Warning::ComingUp(key, due) => (
            "AWS アクセスキーをまもなくローテーションします",
            format!(
                "IAM ユーザー {user} のアクセスキー {key} は、{} 以降に新しいキーへ切り替わります。\n\n\
                 対応: 今すぐの作業は必要ありません。新しいキーが発行されしだいお知らせします。それまでに、現在のキーがどこで使われているかを確認してください。\n",
                due.to_minute()
            ),
        ),
        Warning::Pair { older, newer, until } => (
            "AWS アクセスキーを無効にする予定です",
            format!(
                "IAM ユーザー {user} には、ローテーションが発行したものではない有効なアクセスキーが 2 つあります。ローテーションには空きが必要なため、古いほうのキーを無効にします。\n\n\
                 ・古いキー: {older} ({} 以降、使われていなければ無効にします)\n\
                 ・新しいキー: {newer} (有効なままです)\n\n\
                 対応: 古いキーを使っているワークロードを確認し、新しいキーまたは専用のユーザーに切り替えてください。月に一度など、まれにしか使われない場合も、期日までに切り替えてください。\n",
                until.to_minute()
            ),
        ),
        Warning::Inactive(key, until) => (
            "AWS アクセスキーを削除する予定です",
            format!(
                "IAM ユーザー {user} のアクセスキー {key} は無効になっています。無効にしたのはローテーションではありません。\n\n\
                 ・削除の予定: {}\n\n\
                 対応: 不要なキーであれば、作業は必要ありません。必要な場合は、削除される前に有効にしてください。\n",
                until.map_or("次回のローテーション時".to_owned(), |until| format!(
                    "{} 以降",
                    until.to_minute()
                ))
            ),
        ),
        Warning::Unused(key, until) => (
            "AWS アクセスキーが使われていません",
            format!(
                "IAM ユーザー {user} のアクセスキー {key} は使われていません。このキーを無効にし、新しいキーは発行しません。\n\n\
                 ・無効化の予定: {} 以降 (それまでに使われなかった場合)\n\n\
                 対応: ユーザーにアクセスが不要であれば、作業は必要ありません。必要な場合は、期日までにキーを使ってください。\n",
                until.to_minute()
            ),
        ),
    };
    Mail { subject: format!("{subject} - {user}"), body }
}

pub(super) fn notice(user: &UserName, kind: &NoticeKind<'_>, now: Timestamp) -> Mail {
    let (subject, body) = match kind {
        NoticeKind::StillInUse { old, new, last_use, required_idle_time, until } => (
            "AWS アクセスキーがまだ使われています",
            still_in_use(user, old, *new, last_use, (*required_idle_time, *until)),
        ),
        NoticeKind::Retired { old, new, deleted } => {
            ("AWS アクセスキーを無効にしました", retired(user, old, *new, *deleted, now))
        }
        NoticeKind::Disused { key } => ("AWS アクセスキーを無効にしました", disused(user, key, now)),
        NoticeKind::Revoked { key, new } => ("AWS アクセスキーを失効させました", revoked(user, key, *new, now)),
        NoticeKind::PairInUse { older, newer, last_use } => {
            ("AWS アクセスキーがまだ使われています", pair_in_use(user, older, *newer, last_use))
        }
        NoticeKind::Deleted { old, new, why } => ("AWS アクセスキーを削除しました", deleted(user, old, *new, *why)),
        NoticeKind::Reactivated { old, new, until } => {
            ("AWS アクセスキーを再び有効にしました", reactivated(user, old, *new, *until))
        }
        NoticeKind::Failed { call, failure, aftermath } => {
            ("AWS アクセスキーの更新に失敗しました", failed(user, call, failure, *aftermath, now))
        }
        NoticeKind::NeedsAttention(doubt) => ("AWS アクセスキーについて確認が必要です", needs_attention(user, doubt)),
        NoticeKind::NoConfirmedRecipient { mailboxes } => {
            ("AWS アクセスキーは更新されていません", no_confirmed_recipient(user, mailboxes))
        }
    };
    Mail { subject: format!("{subject} - {user}"), body }
}

fn still_in_use(
    user: &UserName,
    old: &AccessKeyId,
    new: Option<&AccessKeyId>,
    last_use: &LastUse,
    (required_idle_time, until): (Option<Timestamp>, Option<Timestamp>),
) -> String {
    let (in_use, last, todo) = match last_use {
        LastUse::Used { at, service, region } => (
            format!(
                "IAM ユーザー {user} の以前のキー {old} は、新しいキーの発行後にも使われたため、有効のままにしています。"
            ),
            format!("{}({})、{}", one_line(service), one_line(region), at.to_minute()),
            "以前のキーを使っているものを探し、新しいキーに切り替えてください(上の日時のあとに切り替え済みであれば、作業は必要ありません)。使われなくなると、以前のキーは自動で無効になります。",
        ),
        LastUse::Never | LastUse::Unknown => (
            format!(
                "IAM ユーザー {user} の以前のキー {old} がまだ使われているかどうかを確認できないため、有効のままにしています。"
            ),
            "確認できませんでした".into(),
            "今すぐの作業は必要ありません。次回の実行時にもう一度確認します。",
        ),
    };
    let stays = match required_idle_time {
        Some(required_idle_time) => format!("{} まで(また使われた場合は延長します)", required_idle_time.to_minute()),
        None => "使用状況を確認できるまで".to_owned(),
    };
    let end = until.map(|until| format!("。{} 以降は使われていても無効にします", until.to_minute()));
    let until = stays + &end.unwrap_or_default();
    let successor = new.map(|new| format!("・新しいキー: {new}\n")).unwrap_or_default();
    format!("{in_use}\n\n{successor}・最後に使われた日時: {last}\n・待つ期間: {until}\n\n{todo}\n")
}

fn retired(
    user: &UserName,
    old: &AccessKeyId,
    new: Option<&AccessKeyId>,
    deleted: DeleteAfter,
    now: Timestamp,
) -> String {
    let deleted = match deleted {
        DeleteAfter::NextRotation => "次回のローテーション時".to_owned(),
        DeleteAfter::Window(Span::ZERO) => "次回の実行時".to_owned(),
        DeleteAfter::Window(span) => format!("{} 以降", (now + span).to_minute()),
    };
    format!(
        "IAM ユーザー {user} の以前のキー {old} を無効にしました。今後、このキーを使った操作は AWS に拒否されます。\n\n\
         ・現在のキー: {}\n\
         ・無効にした日時: {}\n\
         ・削除の予定: {deleted}\n\n\
         問題なく動いていれば、作業は必要ありません。動かなくなったものがあれば、現在のキーに切り替えてください。\
         削除の直前までは、管理者が次のコマンドで以前のキーを再び有効にできます。\n\n    \
         make undo USERS='{user}'\n",
        that_works(new),
        now.to_minute()
    )
}

fn disused(user: &UserName, key: &AccessKeyId, now: Timestamp) -> String {
    format!(
        "使われていなかったため、IAM ユーザー {user} のアクセスキー {key} を無効にしました。\n\n\
         ・無効にした日時: {}\n\n\
         対応: ユーザーにアクセスが不要であれば、作業は必要ありません。動かなくなったものがある場合は、管理者が次のコマンドで再び有効にできます。\n\n    \
         make undo USERS='{user}'\n",
        now.to_minute()
    )
}

fn revoked(user: &UserName, key: &AccessKeyId, new: Option<&AccessKeyId>, now: Timestamp) -> String {
    let works = new.map_or("有効なキーはありません".to_owned(), ToString::to_string);
    format!(
        "担当者の操作により、IAM ユーザー {user} のアクセスキー {key} を失効させました。このキーで署名されたリクエストは AWS に拒否されます。\n\n\
         ・使用できるキー: {works}\n\
         ・失効させた日時: {}\n\n\
         対応: 失効したキーを使っていたワークロードを、使用できるキーに切り替えてください。失効したキーを再び有効にしないでください。\n",
        now.to_minute()
    )
}

fn pair_in_use(user: &UserName, older: &AccessKeyId, newer: Option<&AccessKeyId>, last_use: &LastUse) -> String {
    let newer = newer.map_or("なし".to_owned(), ToString::to_string);
    format!(
        "IAM ユーザー {user} には、ローテーションが発行したものではない有効なアクセスキーが 2 つあります。古いほうのキー {older} が使われているため、無効にせず、ローテーションも行いません。\n\n\
         ・新しいキー: {newer}\n\
         ・最終使用: {}\n\n\
         対応: 古いキーを使っているワークロードを、新しいキーまたは専用のユーザーに切り替えてください。\n",
        last_used(last_use)
    )
}

fn deleted(user: &UserName, old: &AccessKeyId, new: Option<&AccessKeyId>, why: RemovalReason) -> String {
    let why = match why {
        RemovalReason::PlaceNeeded => "新しいキーのための空きが必要になったため",
        RemovalReason::WindowOver
        | RemovalReason::Superseded
        | RemovalReason::Withdrawn
        | RemovalReason::Disuse
        | RemovalReason::Revoked => "設定された保管期間が過ぎたため",
    };
    format!(
        "IAM ユーザー {user} の無効なキー {old} を削除しました。元に戻すことはできません。\n\n\
         ・現在のキー: {}\n\
         ・理由: {why}\n\n\
         作業は必要ありません。削除したキーは、無効になったときから使えなくなっています。設定に残っている場合は、現在のキーに切り替えてください。\n",
        that_works(new)
    )
}

fn that_works(key: Option<&AccessKeyId>) -> String {
    key.map_or_else(|| "有効なキーはありません".to_owned(), ToString::to_string)
}

fn reactivated(user: &UserName, old: &AccessKeyId, new: Option<&AccessKeyId>, until: Option<Timestamp>) -> String {
    let mut body = format!("IAM ユーザー {user} の以前のキー {old} を再び有効にしました。\n");
    if let Some(new) = new {
        let _ = write!(body, "\n・新しいキー: {new}(こちらも有効です)\n");
        if let Some(until) = until {
            let _ = writeln!(body, "・有効のままにする期間: {} まで(新しいキーの更新時期)", until.to_minute());
        }
        body.push_str("\n以前のキーをまだ必要としているものを探し、新しいキーに切り替えてください。\n");
    } else {
        body.push_str("\n作業は必要ありません。\n");
    }
    body
}

fn failed(user: &UserName, call: &Call, failure: &CallError, aftermath: Aftermath<'_>, now: Timestamp) -> String {
    // No run takes a rotation over before that.
    let later = (now + LEASE).to_minute();
    let aftermath = match aftermath {
        Aftermath::Untouched => "何も変更していません。次回の実行時にもう一度試します。".to_owned(),
        Aftermath::Unfinished => "それまでに行った変更はそのままです。次回の実行時に続きを行います。".to_owned(),
        Aftermath::Uncertain => {
            "この操作が行われたかどうかを確認できていません。有効なキーはそのまま使えます。次回の実行時に確認します。"
                .to_owned()
        }
        Aftermath::Withdrawn => {
            format!("新しいキーは取り消しました。以前のキーはそのままです。{later} 以降の実行時にもう一度試します。")
        }
        Aftermath::DeliveryUnknown(Some(key)) => format!(
            "新しいキー {key} を作成しましたが、届いたかどうかを確認できていません。これまで使われていたキーはそのままです。\
             {later} 以降の実行時に確認し、届いたことを確認できたキー(保管済み、または使用済み)は残し、それ以外は削除します。\
             その後は、古いメールのキーを使わないでください。"
        ),
        Aftermath::DeliveryUnknown(None) => format!(
            "新しいキーが作成されたかどうかを確認できていません。これまで使われていたキーはそのままです。\
             {later} 以降の実行時に確認し、誰にも届いていないキーがあれば削除します。"
        ),
    };
    let todo = match (&failure.code, failure.code.as_str()) {
        (_, "NoSuchEntity") => "ユーザーを削除した場合は、設定ファイルから外して、もう一度デプロイしてください。",
        (code, _) if code.is_denial() => {
            "管理者は、この操作を拒否しているものを確認してください。関数のロール(スタックをもう一度デプロイすると元に戻ります)、\
             アクセス許可の境界、組織のポリシーが考えられます。"
        }
        (_, "MalformedPolicyDocumentException") => {
            "管理者は、存在しなくなったものを secret_readers から外して、もう一度デプロイしてください。"
        }
        (code, _) if code.says_what_to_do() => "管理者は、上の理由に書かれている対応を行ってください。",
        _ => {
            "今すぐの作業は必要ありません。次回の実行時にも同じメールが届いた場合は、管理者が関数のログを確認してください。"
        }
    };
    format!(
        "処理に失敗したため、IAM ユーザー {user} の更新を中断しました。{aftermath}\n\n\
         ・失敗した操作: {}\n\
         ・理由: {failure}\n\n\
         対応: {todo}\n",
        one_line(&call.to_string())
    )
}

fn needs_attention(user: &UserName, doubt: &NeedsAttention) -> String {
    let todo = match doubt {
        NeedsAttention::Journal(_) | NeedsAttention::Future(_) => {
            "誰が書いたタグかを確認し、ユーザーから外してください。".to_owned()
        }
        NeedsAttention::UnclearOrigin => {
            format!("使われていないほうのキーを削除し、ユーザーからタグ {INTENT}… を外してください。")
        }
        NeedsAttention::ManagedBy(_) => {
            "どちらか一方のスタックで、このユーザーを対象から除外してください。別のスタックがすでにない場合は、make adopt USER=ユーザー名 を実行してください。".to_owned()
        }
        NeedsAttention::OtherChannel => {
            "新しいほうのキーが所有者に届いているかを確認し、make adopt USER=ユーザー名 を実行してください。どちらかのキーが使われなくなるまで、両方が有効なままです。".to_owned()
        }
        NeedsAttention::Left => format!(
            "ローテーションが終わるまで、ユーザーを対象に戻してください。または、古いほうのキーを無効にし、ユーザーからタグ {PREFIX}… を外してください。"
        ),
        NeedsAttention::OrphanInUse(..) => format!(
            "誰かが手作業で作成したキーであれば、ユーザーからタグ {INTENT}… を外してください。そうでなければ、誰が使っているかを確認してください。"
        ),
        NeedsAttention::SameAge => "使われていないほうのキーを無効にしてください。".to_owned(),
        NeedsAttention::ForeignKey { .. } => {
            "どちらのキーが使われているかを確認し、もう一方を削除してください。".to_owned()
        }
        NeedsAttention::LateDelivery { .. } => format!(
            "その日時にローテーションが行われていなければ、タグ {DELIVERED} を誰が書いたかを確認し、ユーザーから外してください。"
        ),
        NeedsAttention::TooManyKeys(_) => "使われていないキーを削除してください。".to_owned(),
        NeedsAttention::UserConfigError(UserConfigError::Path(_)) => {
            "対象から外す(exempt)か、ユーザーのパスを変更してください。".to_owned()
        }
        NeedsAttention::UserConfigError(UserConfigError::Spelling(name)) => {
            format!("管理者は、rotation.yaml の users に {name} と書いて、もう一度デプロイしてください。")
        }
        NeedsAttention::UserConfigError(_) => "タグを修正するか、ユーザーから外してください。".to_owned(),
        NeedsAttention::NoRoom(_) => "不要なタグをユーザーから外してください。".to_owned(),
    };
    format!(
        "IAM ユーザー {user} のキーは、確認が済むまで更新しません。キーはそのままです。\n\n\
         ・理由: {}\n\n\
         対応: {todo}\n",
        reason(doubt)
    )
}

fn reason(doubt: &NeedsAttention) -> String {
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
            format!("このユーザーのキーは、別のスタック {manager} も管理しています")
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
            "更新の間隔({})が、古いキーの残る期間({})より短くなっています",
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

fn last_used(last_use: &LastUse) -> String {
    match last_use {
        LastUse::Never => "使用履歴なし".to_owned(),
        LastUse::Used { at, service, region } => {
            format!("{}({})、{}", one_line(service), one_line(region), at.to_minute())
        }
        LastUse::Unknown => "使用履歴を確認できません".to_owned(),
    }
}

fn no_confirmed_recipient(user: &UserName, mailboxes: &[&Email]) -> String {
    let all: Vec<_> = mailboxes.iter().map(|email| email.as_str()).collect();
    let one_of = if all.len() > 1 { "次のいずれか: " } else { "" };
    format!(
        "IAM ユーザー {user} のアクセスキーは更新の時期ですが、更新していません。新しいキーはメールで届けられますが、\
         受信を承認した宛先がまだないためです。以前のキーはそのままです。\n\n\
         ・承認が必要な宛先: {one_of}{}\n\n\
         対応: その宛先に届いている AWS からのメール「AWS Notification - Subscription Confirmation」のリンクを開いてください。\
         リンクの有効期間は 2 日間です。過ぎている場合は、管理者が make resubscribe を実行すると、新しいメールが届きます。\n",
        all.join("、")
    )
}

pub(super) fn digest(run: &Digested<'_>) -> Mail {
    let Digested { summary: s, .. } = run;
    let unhealthy = run.unhealthy();
    let attention = unhealthy.len();
    let mut body = format!(
        "{} の実行({})で、{} ユーザーのアクセスキーを確認しました。\n\n\
         ・更新: {}\n\
         ・無効化: {}\n\
         ・削除: {}\n\
         ・失敗: {}\n\
         ・要確認: {}\n\
         ・期限切れ: {}\n",
        run.started.to_minute(),
        run.run,
        s.users,
        s.rotated,
        s.deactivated,
        s.deleted,
        s.failed,
        s.needs_attention,
        s.overdue
    );
    if s.unsent > 0 {
        let _ = writeln!(body, "・送信できなかったお知らせ: {}", s.unsent);
    }
    if let Some(count) = s.unconfirmed.filter(|count| *count > 0) {
        let _ = writeln!(
            body,
            "・未承認の宛先: {count}(make status で確認でき、make resubscribe で確認メールを再送できます)"
        );
    }
    let more = |n| format!("  … ほか {n} ユーザー(関数のログに記録されています)\n");
    if attention > 0 {
        let line = |user: &&UserReport| {
            let outcome = match user.result {
                Outcome::Failed => "失敗",
                Outcome::NeedsAttention => "要確認",
                Outcome::Disabled => "無効",
                Outcome::Waiting | Outcome::Unchanged | Outcome::Changed => "保留",
            };
            let overdue = user
                .overdue
                .as_ref()
                .map(|Overdue { key, since }| format!("。キー {key} は {} に期限が切れています", since.to_minute()));
            format!("  {}({outcome}): {}{}\n", user.user, rest(&user.rest), overdue.unwrap_or_default())
        };
        let lines: Vec<_> = unhealthy.iter().map(line).collect();
        let _ = write!(body, "\n次のユーザーを確認してください。\n\n{}", cut(&lines, more));
    }
    let changed: Vec<_> = run.changed().map(|user| format!("  {}: {}\n", user.user, changes(&user.done))).collect();
    if !changed.is_empty() {
        let _ = write!(body, "\n次の変更を行いました。\n\n{}", cut(&changed, more));
    }
    if attention == 0 {
        body.push_str("\n対応が必要なユーザーはいません。\n");
    }
    let subject = format!("AWS アクセスキーの更新結果 - {} ユーザー(更新 {}、要対応 {attention})", s.users, s.rotated);
    Mail { subject, body }
}

/// The changes of a user, in one line.
fn changes(done: &[KeyChange]) -> String {
    let one = |change: &KeyChange| match change {
        KeyChange::Created { key } => format!("キー {key} を作成"),
        KeyChange::Delivered { key } => format!("キー {key} を配信"),
        KeyChange::Warned { key } => format!("キー {key} についてのお知らせを送信"),
        KeyChange::Deactivated { key, why: RemovalReason::Withdrawn } => {
            format!("配信できなかったキー {key} を無効化")
        }
        KeyChange::Deactivated { key, why: RemovalReason::Disuse } => format!("使われていないキー {key} を無効化"),
        KeyChange::Deactivated { key, why: RemovalReason::Revoked } => format!("キー {key} を失効"),
        KeyChange::Deactivated { key, .. } => format!("キー {key} を無効化"),
        KeyChange::Reactivated { key } => format!("キー {key} を再び有効化"),
        KeyChange::Deleted { key, .. } => format!("キー {key} を削除"),
    };
    news(done).map(one).collect::<Vec<_>>().join("、")
}

/// The sentence about a user with a problem.
fn rest(rest: &StopReason) -> String {
    match rest {
        StopReason::StillInUse(key, LastUse::Unknown) => {
            format!("以前のキー {key} が使われているかどうかを確認できません")
        }
        StopReason::StillInUse(key, last_use) => {
            format!("以前のキー {key} がまだ使われています({})", last_used(last_use))
        }
        StopReason::Busy(_, until) => {
            format!("別の実行が更新中です。終わらない場合は {} 以降の実行が引き継ぎます", until.to_minute())
        }
        StopReason::OutOfTime => "残り時間が足りません。次回の実行時に更新します".to_owned(),
        StopReason::NoConfirmedRecipient(Unheard::Secret) => {
            "新しいキーのメールの受信を承認した宛先がありません".to_owned()
        }
        StopReason::NoConfirmedRecipient(Unheard::Notices) => {
            "お知らせの受信を承認した宛先がないため、処理を始めません".to_owned()
        }
        StopReason::Recent(key, until) => {
            format!("キー {key} は作成されたばかりです。{} 以降の実行時に確認します", until.to_minute())
        }
        StopReason::NotVisible(key) => {
            format!("発行したばかりのキー {key} がまだ一覧に現れません。次回の実行時に続きを行います")
        }
        StopReason::NeedsAttention(doubt) => reason(doubt),
        StopReason::Failed(failed) => {
            let (call, failure) = failed.as_ref();
            format!("{} に失敗しました({failure})", one_line(&call.to_string()))
        }
        StopReason::Withdrawn(failed) => {
            let (call, failure) = failed.as_ref();
            format!(
                "{} に失敗しました({failure})。新しいキーは取り消し、以前のキーはそのままです",
                one_line(&call.to_string())
            )
        }
        StopReason::Overlap(key, until) => {
            format!("まだ更新していません。以前のキー {key} は {} まで有効です", until.to_minute())
        }
        StopReason::Window(key, until) => {
            format!("まだ更新していません。無効なキー {key} は {} まで保管されます", until.to_minute())
        }
        StopReason::Undone(key, until) => {
            format!("以前のキー {key} を再び有効にしました。{} まではそのままです", until.to_minute())
        }
        StopReason::NoKeys => "アクセスキーがありません".to_owned(),
        StopReason::Disabled => "すべてのキーが無効のため、新しいキーは発行しません".to_owned(),
        StopReason::Healthy(due) => format!("更新の時期は {} です", due.to_minute()),
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

/// A span in the words that people use, for example for `14d`.
fn spoken(span: Span) -> String {
    let text = span.to_string();
    let unit = match text.chars().last() {
        Some('d') => "日",
        Some('h') => "時間",
        Some('m') => "分",
        _ => "秒",
    };
    format!("{} {unit}", text.trim_end_matches(char::is_alphabetic))
}

pub(super) fn summary(s: &Summary) -> String {
    let mut sentence = format!(
        "{} ユーザーのアクセスキーを確認しました(更新 {}、無効化 {}、削除 {}、失敗 {}、要確認 {})",
        s.users, s.rotated, s.deactivated, s.deleted, s.failed, s.needs_attention
    );
    if s.overdue > 0 {
        let _ = write!(sentence, "。期限切れのキーを持つユーザーは {} です", s.overdue);
    }
    if s.unsent > 0 {
        let _ = write!(sentence, "。お知らせ {} 件を送信できませんでした", s.unsent);
    }
    sentence
}
