//! `synth preview`: shows what a run of a configuration would do, before the configuration is deployed.

use crate::cmd::{CommandError, config_args::ConfigArgs, output::OutputFormat, print, target, terminal::Terminal};
use crate::{
    cfn::json,
    deploy::{
        aws::{AwsLocation, Session},
        interrupt::{Interrupt, Interrupted},
        message::MessageSink,
        preview_reader::{self, PlannedStack},
        run_screen::ScreenUsers,
        subscriptions::StackTopic,
    },
};

#[derive(Debug, clap::Args)]
pub(super) struct PreviewArgs {
    #[command(flatten)]
    source: ConfigArgs,
    #[command(flatten)]
    place: AwsLocation,
    /// Show every user, also if the list is long
    #[arg(long)]
    all: bool,
    /// The format of the output
    #[arg(long, value_enum, default_value_t = OutputFormat::Text)]
    format: OutputFormat,
}

pub(super) fn run(args: &PreviewArgs) -> Result<(), CommandError> {
    let (config, template) = args.source.bundle()?;
    if config.organization.is_some() {
        return Err(CommandError::bad_input(
            "a preview is about one account, and this configuration serves an organization. For the keys of its accounts: synth \
             inventory --role NAME. For what the next run of a deployed member would do: synth run --dry-run, in that account"
                .into(),
        ));
    }
    let (name, template) = (config.stack_name.as_str(), json::to_json(&template));
    target::block_on(async {
        let interrupt = Interrupt::listen();
        let mut console = Terminal::new(args.format);
        let connect = async {
            let session = Session::open(&args.place).await?;
            let deployed = target::stack(&session, name).await?;
            Ok::<_, CommandError>((session, deployed))
        };
        let (session, deployed) = tokio::select! {
            connected = connect => connected?,
            interrupted = interrupt.pressed() => return Err(stopped(interrupted)),
        };
        let topic = deployed.as_ref().and_then(|stack| stack.topic(StackTopic::Notices));
        let planned = PlannedStack { name, template: &template, topic };
        let read =
            preview_reader::preview(&session, planned, &interrupt, |now| console.watch(now)).await.map_err(stopped)?;
        let preview = read.map_err(|problem| CommandError::failure(problem.to_string()))?;
        print(&match args.format {
            OutputFormat::Text => {
                let users = if args.all { ScreenUsers::All } else { ScreenUsers::First };
                preview.text(users) + &preview.next_command(users)
            }
            OutputFormat::Json => format!("{:#}\n", preview.json()),
        })?;
        if preview.report.is_fine() {
            return Ok(());
        }
        Err(CommandError::failure(
            "a run would not succeed for every user: see above. Correct each user that is marked with !, or exempt it"
                .into(),
        ))
    })
}

fn stopped(_: Interrupted) -> CommandError {
    CommandError::interrupted("Nothing was changed.")
}
