# Runs one file of C# with an SDK that knows projects only: the file, then the program's arguments.
project=.codebeaker/csharp
version=$(dotnet --version) || exit
mkdir -p $project && cp -- "$1" $project/Program.cs || exit
shift
printf '<Project Sdk="Microsoft.NET.Sdk"><PropertyGroup><OutputType>Exe</OutputType><TargetFramework>net%s.0</TargetFramework><ImplicitUsings>enable</ImplicitUsings></PropertyGroup></Project>' "${version%%.*}" >$project/snippet.csproj
exec dotnet run --project $project -- "$@"
